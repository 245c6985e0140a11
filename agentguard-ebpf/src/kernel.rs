//! Typed access to the kernel's structures.
//!
//! Offsets come from the running kernel's BTF: the daemon writes them into `OFFSETS` before it
//! loads the object. The section is frozen, so the verifier knows each value, and a pointer plus
//! such an offset keeps its BTF type: members are plain loads.

use core::ptr;

use agentguard_common::identity::Offsets;
use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_probe_read_kernel};

#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets {
    cgroup_self: 0,
    cgroup_kn: 0,
    cgroup_root: 0,
    cgroup_root_hierarchy_id: 0,
    css_parent: 0,
    css_cgroup: 0,
    kernfs_node_id: 0,
    kernfs_node_name: 0,
    task_pid: 0,
    task_tgid: 0,
    task_group_leader: 0,
    task_start_boottime: 0,
    task_comm: 0,
    task_cred: 0,
    task_cgroups: 0,
    css_set_dfl_cgrp: 0,
    cred_uid: 0,
    sock_cgroup: 0,
};

/// Reads member `$member` of the structure at `$base` as a `$type`. The load must have the size of
/// the member.
macro_rules! member {
    ($base:expr, $member:ident as $type:ty) => {{
        // SAFETY: the static is valid; the read is volatile because the value is set at load.
        let offset = unsafe { ptr::read_volatile(&raw const OFFSETS.$member) } as usize;
        // SAFETY: the verifier checks that the pointer has the structure's type and that the load
        // lies within the member; a fault reads as zero.
        unsafe { ptr::read_volatile($base.byte_add(offset).cast::<$type>()) }
    }};
}

/// Reads member `$member` of the structure at `$base` as a `$type`, by a call; a fault reads as zero.
///
/// For what lies behind a pointer of the running task. A pointer that is loaded from a trusted one
/// makes the verifier search the kernel's types by name, several times a load (Linux 6.3,
/// `btf_nested_type_is_trusted`): that was more than half of what all programs took to load. The
/// call costs some nanoseconds of a refusal.
macro_rules! behind {
    ($base:expr, $member:ident as $type:ty) => {{
        // SAFETY: the static is valid; the read is volatile because the value is set at load.
        let offset = unsafe { ptr::read_volatile(&raw const OFFSETS.$member) } as usize;
        let mut value: $type = 0;
        // SAFETY: the destination has the size that is given; the helper checks the source (Linux
        // 5.5), and fills the destination with zeros if it cannot be read.
        unsafe {
            bpf_probe_read_kernel(
                (&raw mut value).cast(),
                size_of::<$type>() as u32,
                $base.wrapping_byte_add(offset).cast(),
            );
        }
        value
    }};
}

/// A pointer that a call has read.
#[inline(always)]
fn pointer(address: u64) -> *const u8 {
    ptr::without_provenance(address as usize)
}

/// A `struct cgroup`.
#[derive(Clone, Copy)]
pub struct Cgroup(*const u8);

impl Cgroup {
    /// Wraps a pointer that the kernel passed as a `struct cgroup *`.
    #[inline(always)]
    pub fn new(cgroup: *const u8) -> Self {
        Self(cgroup)
    }

    /// Its id, the inode number of its directory.
    #[inline(always)]
    pub fn id(self) -> u64 {
        let node = member!(self.0, cgroup_kn as *const u8);
        member!(node, kernfs_node_id as u64)
    }

    /// Its name, the last component of its path: a string of the kernel's.
    #[inline(always)]
    pub fn name(self) -> *const u8 {
        let node = member!(self.0, cgroup_kn as *const u8);
        member!(node, kernfs_node_name as *const u8)
    }

    /// Whether it is in the v2 hierarchy. Ids of different hierarchies overlap.
    #[inline(always)]
    pub fn is_v2(self) -> bool {
        let root = member!(self.0, cgroup_root as *const u8);
        member!(root, cgroup_root_hierarchy_id as i32) == 0
    }

    /// The id of its parent, or `None` for the root.
    #[inline(always)]
    pub fn parent_id(self) -> Option<u64> {
        self.parent().map(Self::id)
    }

    /// Its parent, or `None` for the root.
    #[inline(always)]
    pub fn parent(self) -> Option<Self> {
        // SAFETY: as in `member!`; `self` is embedded.
        let offset = unsafe { ptr::read_volatile(&raw const OFFSETS.cgroup_self) } as usize;
        let css = self.0.wrapping_byte_add(offset);
        let parent = member!(css, css_parent as *const u8);
        if parent.is_null() {
            return None;
        }
        // A cgroup's own css points back to it (`init_cgroup_housekeeping`).
        Some(Self(member!(parent, css_cgroup as *const u8)))
    }
}

/// A `struct task_struct`.
#[derive(Clone, Copy)]
pub struct Task(*const u8);

impl Task {
    /// The task that runs now. In a hook on a packet it may be anybody's.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: the helper has no preconditions (Linux 5.11).
        Self(unsafe { bpf_get_current_task_btf() }.cast())
    }

    /// Its thread id, in the initial pid namespace.
    #[inline(always)]
    pub fn tid(self) -> u32 {
        member!(self.0, task_pid as u32)
    }

    /// Its process id, in the initial pid namespace.
    #[inline(always)]
    pub fn pid(self) -> u32 {
        member!(self.0, task_tgid as u32)
    }

    /// When its process started, in nanoseconds of `CLOCK_BOOTTIME`.
    #[inline(always)]
    pub fn started(self) -> u64 {
        let leader = pointer(behind!(self.0, task_group_leader as u64));
        behind!(leader, task_start_boottime as u64)
    }

    /// Its user id, in the initial user namespace.
    #[inline(always)]
    pub fn uid(self) -> u32 {
        let cred = pointer(behind!(self.0, task_cred as u64));
        behind!(cred, cred_uid as u32)
    }

    /// Byte `index` of its name, which is padded with zeros. An array's elements are loaded one by
    /// one.
    #[inline(always)]
    pub fn comm(self, index: usize) -> u8 {
        // SAFETY: as in `member!`.
        let offset = unsafe { ptr::read_volatile(&raw const OFFSETS.task_comm) } as usize;
        // SAFETY: as in `member!`.
        unsafe { ptr::read_volatile(self.0.wrapping_byte_add(offset + index)) }
    }

    /// The id of its v2 cgroup.
    #[inline(always)]
    pub fn cgroup(self) -> u64 {
        let set = pointer(behind!(self.0, task_cgroups as u64));
        let cgroup = pointer(behind!(set, css_set_dfl_cgrp as u64));
        let node = pointer(behind!(cgroup, cgroup_kn as u64));
        behind!(node, kernfs_node_id as u64)
    }
}

/// A `struct sock`.
#[derive(Clone, Copy)]
pub struct Socket(*const u8);

impl Socket {
    /// Wraps a pointer that the kernel passed as a `struct sock *` or a structure that begins with
    /// one.
    #[inline(always)]
    pub fn new(socket: *const u8) -> Self {
        Self(socket)
    }

    /// The v2 cgroup of the task that made it, or of its listener. The socket holds the cgroup.
    #[inline(always)]
    pub fn cgroup(self) -> Cgroup {
        Cgroup(member!(self.0, sock_cgroup as *const u8))
    }
}
