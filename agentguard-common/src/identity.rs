//! Who a process is.

/// What a cgroup says of the processes in it: the value of the tag table, whose key is the cgroup
/// id (the inode number of the cgroup's directory).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Tag {
    /// The cgroup id at which this instance of the agent begins; descendants inherit it.
    pub instance: u64,
    /// The agent's slot: its index in the tables.
    pub agent: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Tag>() == 16);

/// Indexes of the table that counts the cgroups whose tag found no room. As long as the first two
/// differ, a cgroup without a tag is looked for among the descendants of instances.
pub mod untagged {
    /// How many there have been: written by the kernel only.
    pub const MADE: u32 = 0;
    /// How many of those are gone, or have a tag by now: written by the daemon only.
    pub const SETTLED: u32 = 1;
    /// How many of them began an instance that found no room either, or are beneath one: nothing
    /// confines them. Written by the kernel only.
    pub const LOST: u32 = 2;
    /// Entries of the table.
    pub const ENTRIES: usize = 3;
}

/// Offsets of the kernel's structure members that the programs read, in bytes, resolved from the
/// running kernel's BTF before the programs are loaded. A member that is missing fails the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Offsets {
    /// `struct cgroup.self` (`struct cgroup_subsys_state`).
    pub cgroup_self: u32,
    /// `struct cgroup.kn` (`struct kernfs_node *`).
    pub cgroup_kn: u32,
    /// `struct cgroup.root` (`struct cgroup_root *`).
    pub cgroup_root: u32,
    /// `struct cgroup_root.hierarchy_id` (`int`).
    pub cgroup_root_hierarchy_id: u32,
    /// `struct cgroup_subsys_state.parent` (`struct cgroup_subsys_state *`).
    pub css_parent: u32,
    /// `struct cgroup_subsys_state.cgroup` (`struct cgroup *`).
    pub css_cgroup: u32,
    /// `struct kernfs_node.id` (`u64`).
    pub kernfs_node_id: u32,
    /// `struct kernfs_node.name` (`const char *`).
    pub kernfs_node_name: u32,
    /// `struct task_struct.pid` (`pid_t`).
    pub task_pid: u32,
    /// `struct task_struct.tgid` (`pid_t`).
    pub task_tgid: u32,
    /// `struct task_struct.group_leader` (`struct task_struct *`).
    pub task_group_leader: u32,
    /// `struct task_struct.start_boottime` (`u64`, nanoseconds).
    pub task_start_boottime: u32,
    /// `struct task_struct.comm` (`char[16]`).
    pub task_comm: u32,
    /// `struct task_struct.cred` (`const struct cred *`).
    pub task_cred: u32,
    /// `struct task_struct.cgroups` (`struct css_set *`).
    pub task_cgroups: u32,
    /// `struct css_set.dfl_cgrp` (`struct cgroup *`).
    pub css_set_dfl_cgrp: u32,
    /// `struct cred.uid` (`kuid_t`).
    pub cred_uid: u32,
    /// `struct sock.sk_cgrp_data.cgroup` (`struct cgroup *`).
    pub sock_cgroup: u32,
}

const _: () = assert!(size_of::<Offsets>() == 72);
