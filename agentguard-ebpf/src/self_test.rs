//! What the typed accessors see of the daemon and of a file that it has open: the daemon compares it with what
//! it knows by other ways, before it trusts them with anything.

use agentguard_common::self_test::{NAME, SelfTest};
use aya_ebpf::{btf_maps::Array, helpers::generated::bpf_probe_read_kernel_str, macros::btf_map};

use crate::kernel::{Cgroup, Dentry, File, Task};

#[btf_map]
static SELF_TEST: Array<SelfTest, 1> = Array::new();

/// `struct bpf_iter__task_file` of `kernel/bpf/task_iter.c`.
#[repr(C)]
pub struct TaskFile {
    meta: *const u8,
    task: *const u8,
    descriptor: u64,
    file: *const u8,
}

/// The directories above a file that are counted.
const DEPTH: u32 = 8;

/// For each file of the daemon's process.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub extern "C" fn self_test(ctx: *const TaskFile) -> i32 {
    // SAFETY: the context is valid; the verifier gives its members their types.
    let (task, descriptor, file) = unsafe { ((*ctx).task, (*ctx).descriptor, (*ctx).file) };
    if task.is_null() || file.is_null() {
        return 0;
    }
    let Some(seen) = SELF_TEST.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: the pointer is to the map's value, which only this program and the daemon write.
    unsafe {
        if descriptor as u32 != (*seen).descriptor {
            return 0;
        }
        look_at_file(seen, File::new(file));
        look_at_task(seen, Task::new(task));
        (*seen).seen = 1;
    }
    0
}

/// # Safety
///
/// `seen` must point to a map's value.
#[inline(always)]
unsafe fn look_at_file(seen: *mut SelfTest, file: File) {
    let at = file.dentry();
    let (inode, superblock) = (at.inode(), at.superblock());
    // SAFETY: the caller's promise.
    unsafe {
        (*seen).flags = file.flags();
        (*seen).inode = inode.number();
        (*seen).mode = u32::from(inode.mode());
        (*seen).device = superblock.device();
        (*seen).kind = superblock.kind();
        (*seen).magic = superblock.magic();
        (*seen).length = at.length();
        (*seen).beginning = at.beginning();
        (*seen).directory_beginning = at.parent().beginning();
        name(&raw mut (*seen).name, at);
        name(&raw mut (*seen).directory, at.parent());
    }
    let (mut top, mut depth) = (at, 0);
    for _ in 0..DEPTH {
        let parent = top.parent();
        if parent.pointer() == top.pointer() {
            break;
        }
        top = parent;
        depth += 1;
    }
    // SAFETY: as above.
    unsafe {
        (*seen).depth = depth;
        (*seen).is_rooted = u32::from(top.pointer() == superblock.root().pointer());
    }
}

/// # Safety
///
/// `into` must point into a map's value.
#[inline(always)]
unsafe fn name(into: *mut [u8; NAME], at: Dentry) {
    // SAFETY: the caller's promise; the helper checks the source.
    unsafe { string(into, core::ptr::without_provenance(at.name() as usize)) };
}

/// # Safety
///
/// As of [`name`].
#[inline(always)]
unsafe fn string(into: *mut [u8; NAME], from: *const u8) {
    // SAFETY: the caller's promise; the helper checks the source.
    unsafe { bpf_probe_read_kernel_str(into.cast(), NAME as u32, from.cast()) };
}

/// # Safety
///
/// As of [`look_at_file`].
#[inline(always)]
unsafe fn look_at_task(seen: *mut SelfTest, task: Task) {
    let cgroup: Cgroup = task.typed_cgroup();
    // SAFETY: the caller's promise.
    unsafe {
        (*seen).pid = task.pid();
        (*seen).tid = task.tid();
        (*seen).uid = task.uid();
        (*seen).started_ns = task.started();
        (*seen).is_initial = u32::from(task.is_in_initial_user_namespace());
        (*seen).cgroup = task.cgroup();
        (*seen).typed_cgroup = cgroup.id();
        (*seen).parent_cgroup = cgroup.parent_id().unwrap_or(0);
        (*seen).is_v2 = u32::from(cgroup.is_v2());
        string(&raw mut (*seen).cgroup_name, cgroup.name());
        for index in 0..16 {
            (&raw mut (*seen).comm)
                .cast::<u8>()
                .add(index)
                .write_volatile(task.comm(index));
        }
    }
}
