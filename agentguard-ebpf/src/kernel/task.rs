//! `struct task_struct`.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

use super::{Cgroup, File, OFFSETS, pointer};

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

    /// Wraps a pointer that the kernel passed as a `struct task_struct *`.
    #[inline(always)]
    pub fn new(task: *const u8) -> Self {
        Self(task)
    }

    /// Where it is.
    #[inline(always)]
    pub fn pointer(self) -> *mut u8 {
        self.0.cast_mut()
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

    /// Whether it has executed nothing since it was forked: it runs its parent's program.
    #[inline(always)]
    pub fn runs_its_parents_program(self) -> bool {
        /// `PF_FORKNOEXEC` of `include/linux/sched.h`.
        const FORKED: u32 = 0x40;
        member!(self.0, task_flags as u32) & FORKED != 0
    }

    /// Whether it shares its parent's memory: `vfork(2)`, and `posix_spawn(3)`.
    #[inline(always)]
    pub fn shares_its_parents_memory(self) -> bool {
        let parent = pointer(behind!(self.0, task_real_parent as u64));
        let memory = lsm_behind!(self.0, task_memory as u64);
        memory != 0 && memory == lsm_behind!(parent, task_memory as u64)
    }

    /// Whether it runs its parent's program as its parent does: a fork has the very file of it, and whoever executes the
    /// same program opens another (`dup_mm_exe_file` in `kernel/fork.c`).
    #[inline(always)]
    pub fn has_its_parents_program(self) -> bool {
        let own = self.program();
        !own.is_null() && own.pointer() == self.parent().program().pointer()
    }

    /// Whether its program lies in the directory of its parent's.
    #[inline(always)]
    pub fn has_a_program_beside_its_parents(self) -> bool {
        self.program().lies_beside(self.parent().program())
    }

    /// Its parent, for what can be asked of [a pointer that was read](pointer).
    #[inline(always)]
    fn parent(self) -> Self {
        Self(pointer(behind!(self.0, task_real_parent as u64)))
    }

    /// The file of the program that it runs, for what can be asked of [a pointer that was read](pointer).
    #[inline(always)]
    pub fn program(self) -> File {
        let memory = pointer(lsm_behind!(self.0, task_memory as u64));
        File::new(pointer(lsm_behind!(memory, memory_program as u64)))
    }

    /// Whether process 1, the service manager, is its parent, or has become so because its own is gone.
    #[inline(always)]
    pub fn is_the_managers_child(self) -> bool {
        let parent = pointer(behind!(self.0, task_real_parent as u64));
        behind!(parent, task_tgid as u32) == 1
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

    /// Whether its rights are in the initial user namespace, the host's.
    #[inline(always)]
    pub fn is_in_initial_user_namespace(self) -> bool {
        let cred = pointer(behind!(self.0, task_cred as u64));
        let namespace = pointer(lsm_behind!(cred, cred_user_namespace as u64));
        lsm_behind!(namespace, user_namespace_level as u32) == 0
    }

    /// Whether it acts with the rights of somebody else, as the kernel does for a file system that lies on
    /// others (`override_creds`).
    #[inline(always)]
    pub fn is_acting_for_others(self) -> bool {
        behind!(self.0, task_cred as u64) != lsm_behind!(self.0, task_real_cred as u64)
    }

    /// Cookie of its network namespace.
    #[inline(always)]
    pub fn network_namespace(self) -> u64 {
        let namespaces = pointer(behind!(self.0, task_namespaces as u64));
        let network = pointer(behind!(namespaces, namespaces_network as u64));
        behind!(network, network_cookie as u64)
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

    /// Its v2 cgroup, by typed loads. The task must be one that the kernel passed.
    #[inline(always)]
    pub fn typed_cgroup(self) -> Cgroup {
        let set = member!(self.0, task_cgroups as *const u8);
        Cgroup::new(member!(set, css_set_dfl_cgrp as *const u8))
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
