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
    /// Zero; of a task, [`ENTERING`], [`PREPARING`] or zero.
    pub reserved: u32,
}

/// The task came into its agent's cgroup as a fork of process 1, and has executed nothing since: what runs is still
/// its parent's program, the service manager's, that prepares the service.
pub const ENTERING: u32 = 1;

/// The task runs, or is about to run, the program by which systemd (255 and newer) prepares a service. What that
/// executes is the agent's.
pub const PREPARING: u32 = 2;

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
