//! A task is born: it is its parent's agent's, or that of the cgroup that it is born in.

use agentguard_common::{
    event::Operation,
    identity::{ENTERING, Tag},
    process::Limits,
    verdict::Verdict,
};
use aya_ebpf::{
    macros::{btf_tracepoint, lsm},
    programs::{BtfTracePointContext, LsmContext},
};

use super::{manager, sticky, tag, task};
use crate::{
    events::{Attempt, settle},
    kernel::Task,
    network::scope::word,
    process::{REFUSED, limits},
};

/// `CLONE_INTO_CGROUP` of `include/uapi/linux/sched.h`.
const INTO_CGROUP: u64 = 1 << 33;
/// `-ENOMEM`.
const NO_MEMORY: i32 = -12;

/// Before the child is anything: with memory for its tag, or not at all. An agent does not choose the
/// cgroup of its children. Not sleepable: on Linux 6.1 nobody else on the processor finds a tag while one waits for memory.
#[lsm(hook = "task_alloc")]
pub fn task_alloc(ctx: LsmContext) -> i32 {
    let Some(owner) = task() else {
        return 0;
    };
    let flags: u64 = ctx.arg(1);
    if flags & INTO_CGROUP != 0 {
        let word = word(owner.tag.agent);
        let verdict = limits(word).map_or(Verdict::ERROR, Limits::never);
        let attempt = Attempt::of(&owner, word, Operation::Cgroup as u8);
        if !settle(&attempt, verdict) {
            return REFUSED;
        }
    }
    if sticky::note(Task::new(ctx.arg(0)), owner.tag) {
        return 0;
    }
    let attempt = Attempt::of(&owner, word(owner.tag.agent), Operation::Fork as u8);
    settle(&attempt, Verdict::ERROR);
    NO_MEMORY
}

/// Once it is in its cgroup, and before it runs (`kernel_clone` in `kernel/fork.c`). Somebody else's child
/// can be born in an agent's cgroup.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    let child = Task::new(ctx.arg(1));
    if let Some(tag) = inherited(child) {
        // Without memory it is known by its cgroup alone; `task_alloc` has it beforehand.
        sticky::note(child, tag);
    }
    0
}

#[inline(always)]
fn inherited(child: Task) -> Option<Tag> {
    let parent = Task::current();
    if sticky::is_entering(parent) {
        let reserved = ENTERING;
        let tag = sticky::noted(parent).or_else(|| tag(child.cgroup()));
        return tag.map(|tag| Tag { reserved, ..tag });
    }
    if let Some(owner) = task() {
        return Some(owner.tag);
    }
    // It runs its parent's program, which is no agent's.
    tag(child.cgroup()).map(|tag| Tag {
        reserved: manager::stage(child),
        ..tag
    })
}

/// For each task that lives: notes whose its cgroup is. The daemon runs it after it has tagged cgroups that
/// exist.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn note_tasks(ctx: *const *const u8) -> i32 {
    // SAFETY: `struct bpf_iter__task`: two pointers, of which the second is the task's.
    let task = unsafe { *ctx.add(1) };
    if task.is_null() {
        return 0;
    }
    let task = Task::new(task);
    if sticky::noted(task).is_none()
        && let Some(tag) = tag(task.cgroup())
    {
        // It may also be about to come into its cgroup, which has been changed and not been told yet.
        let reserved = manager::stage_of_resident(task);
        sticky::note(task, Tag { reserved, ..tag });
    }
    0
}
