//! Where the running kernel keeps what the programs read.
//!
//! The daemon finds the offsets in the kernel's BTF before it loads the programs; a member that is
//! missing fails the load, by its name. All are in bytes.

/// The members that lead to a value, from a structure on: each is embedded in the one before. The
/// first of a pair is the structure, the second its member.
pub type Source = &'static [(&'static str, &'static str)];

/// Declares a table of offsets: `name: structure.member > structure.member`.
macro_rules! offsets {
    ($(#[$about:meta])* $table:ident { $($name:ident: $($structure:ident . $member:tt)>+,)* }) => {
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
                    $($name: find(&[$((stringify!($structure), stringify!($member))),+])?,)*
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
        dentry_parent: dentry.d_parent,
        dentry_length: dentry.d_name > qstr.len,
        dentry_name: dentry.d_name > qstr.name,
        dentry_inode: dentry.d_inode,
        dentry_superblock: dentry.d_sb,
        inode_mode: inode.i_mode,
        inode_number: inode.i_ino,
        superblock_device: super_block.s_dev,
        superblock_flags: super_block.s_flags,
        superblock_root: super_block.s_root,
        superblock_type: super_block.s_type,
        superblock_user_namespace: super_block.s_user_ns,
        type_name: file_system_type.name,
        user_namespace_level: user_namespace.level,
    }
}
