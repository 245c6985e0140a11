//! Where the running kernel keeps what the programs read.
//!
//! The daemon finds the offsets in the kernel's BTF before it loads the programs; a member that is
//! missing fails the load, by its name. All are in bytes.

/// The members that lead to a value, from a structure on: each is embedded in the one before. The
/// first of a pair is the structure, the second its member.
pub type Source = &'static [(&'static str, &'static str)];

/// Declares a table of offsets: `name: structure.member > structure.member`, with `or` and what kernels call it that call it
/// otherwise.
macro_rules! offsets {
    ($(#[$about:meta])* $table:ident { $(
        $name:ident: $($structure:ident . $member:tt)>+ $(or $($other:ident . $its:tt)>+)?,
    )* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(C)]
        pub struct $table {
            $(
                #[doc = concat!("`", $(stringify!($structure.$member), " "),+, "`.")]
                pub $name: u32,
            )*
        }

        impl $table {
            /// What the programs hold before the daemon writes the kernel's own.
            pub const UNKNOWN: Self = Self { $($name: 0,)* };

            /// Asks for each offset.
            ///
            /// # Errors
            ///
            /// The first of `find`.
            pub fn find<E>(mut find: impl FnMut(Source) -> Result<u32, E>) -> Result<Self, E> {
                Ok(Self {
                    $($name: {
                        let found = find(&[$((stringify!($structure), stringify!($member))),+]);
                        $(let found = found.or_else(|error| {
                            find(&[$((stringify!($other), stringify!($its))),+]).map_err(|_| error)
                        });)?
                        found?
                    },)*
                })
            }
        }

        const _: () = assert!(align_of::<$table>() == 4);
    };
}

offsets! {
    /// What every program reads: of cgroups, tasks and sockets.
    Offsets {
        cgroup_self: cgroup.self,
        cgroup_kn: cgroup.kn,
        cgroup_root: cgroup.root,
        cgroup_root_hierarchy_id: cgroup_root.hierarchy_id,
        css_parent: cgroup_subsys_state.parent,
        css_cgroup: cgroup_subsys_state.cgroup,
        kernfs_node_id: kernfs_node.id,
        kernfs_node_name: kernfs_node.name,
        task_pid: task_struct.pid,
        task_tgid: task_struct.tgid,
        task_group_leader: task_struct.group_leader,
        task_start_boottime: task_struct.start_boottime,
        task_comm: task_struct.comm,
        task_cred: task_struct.cred,
        task_cgroups: task_struct.cgroups,
        task_flags: task_struct.flags,
        task_real_parent: task_struct.real_parent,
        task_namespaces: task_struct.nsproxy,
        namespaces_network: nsproxy.net_ns,
        network_cookie: net.net_cookie,
        css_set_dfl_cgrp: css_set.dfl_cgrp,
        cred_uid: cred.uid,
        sock_cgroup: sock.sk_cgrp_data > sock_cgroup_data.cgroup,
    }
}

offsets! {
    /// What the programs on files, sockets and processes read, which need BPF LSM.
    LsmOffsets {
        file_dentry: file.f_path > path.dentry,
        file_flags: file.f_flags,
        file_mode: file.f_mode,
        mapping_file: vm_area_struct.vm_file,
        path_dentry: path.dentry,
        dentry_flags: dentry.d_flags,
        dentry_parent: dentry.d_parent,
        dentry_length: dentry.d_name > qstr.len,
        dentry_name: dentry.d_name > qstr.name,
        dentry_short_name: dentry.d_iname or dentry.d_shortname,
        dentry_inode: dentry.d_inode,
        dentry_superblock: dentry.d_sb,
        inode_mode: inode.i_mode,
        inode_flags: inode.i_flags,
        inode_number: inode.i_ino,
        superblock_device: super_block.s_dev,
        superblock_flags: super_block.s_flags,
        superblock_magic: super_block.s_magic,
        superblock_root: super_block.s_root,
        superblock_type: super_block.s_type,
        superblock_user_namespace: super_block.s_user_ns,
        type_name: file_system_type.name,
        socket_sock: socket.sk,
        sock_family: sock.__sk_common > sock_common.skc_family,
        sock_type: sock.sk_type,
        sock_protocol: sock.sk_protocol,
        sock_port: sock.__sk_common > sock_common.skc_num,
        sock_address4: sock.__sk_common > sock_common.skc_rcv_saddr,
        sock_address6: sock.__sk_common > sock_common.skc_v6_rcv_saddr,
        peer_port: sock.__sk_common > sock_common.skc_dport,
        peer_address4: sock.__sk_common > sock_common.skc_daddr,
        peer_address6: sock.__sk_common > sock_common.skc_v6_daddr,
        buffer_data: sk_buff.data,
        buffer_length: sk_buff.len,
        message_name: msghdr.msg_name,
        message_name_length: msghdr.msg_namelen,
        unix_dentry: unix_sock.path > path.dentry,
        unix_address: unix_sock.addr,
        unix_peer: unix_sock.peer,
        unix_address_length: unix_address.len,
        unix_address_name: unix_address.name,
        context_log: fs_context.log > p_log.log,
        cred_user_namespace: cred.user_ns,
        task_real_cred: task_struct.real_cred,
        task_memory: task_struct.mm,
        memory_program: mm_struct.exe_file,
        execution_file: linux_binprm.file,
        attributes_valid: iattr.ia_valid,
        user_namespace_level: user_namespace.level,
    }
}
