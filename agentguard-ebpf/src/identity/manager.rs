//! What the service manager runs in an agent's cgroup before it runs the agent.
//!
//! Up to systemd 254 that is process 1's own program, after a fork; from 255 on it is one of its own, which process 1
//! starts with `posix_spawn(3)`, in the cgroup or to move itself there (`src/core/exec-invoke.c`). Both may do what the
//! agent may not. What they execute is the agent's.

use agentguard_common::identity::{ENTERING, PREPARING, Tag};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::sticky;
use crate::kernel::{File, Task};

/// The name of systemd's program.
const PROGRAM: &[u8; 16] = b"systemd-executor";

/// Notes what is executed next, once the file is there and has been permitted, and before the program is another: from
/// the first that is not the manager's on, it is the agent's, whatever names its files have.
#[lsm(hook = "bprm_check_security")]
pub fn bprm_check_security(ctx: LsmContext) -> i32 {
    let task = Task::current();
    let Some(tag) = sticky::noted(task) else {
        return 0;
    };
    if tag.reserved == 0 {
        return 0;
    }
    if !task.runs_its_parents_program() {
        note(task, tag, 0);
    } else if tag.reserved == ENTERING {
        if is_started_by_the_manager(task, File::of_execution(ctx.arg(0))) {
            sticky::count_prepared();
            note(task, tag, PREPARING);
        } else {
            note(task, tag, 0);
        }
    }
    0
}

/// Whether what a task executes is the manager's program, or the loader of that.
#[inline(always)]
pub fn is_starting_its_own(task: Task, file: File) -> bool {
    task.runs_its_parents_program()
        && match sticky::noted(task) {
            Some(tag) if tag.reserved == ENTERING => is_started_by_the_manager(task, file),
            Some(tag) => tag.reserved == PREPARING,
            // It is not noted yet.
            None => is_its_fork(task) && is_started_by_the_manager(task, file),
        }
}

/// As [`stage`], of what was in the cgroup before that was an agent's: nobody has seen who started it, so it must be the
/// manager's program by where it lies, too.
#[inline(always)]
pub fn stage_of_resident(task: Task) -> u32 {
    if is_its_fork(task) {
        ENTERING
    } else if is_its_program(task) {
        sticky::count_prepared();
        PREPARING
    } else {
        0
    }
}

/// Whether it runs process 1's program, or what that has executed, and not yet the agent's.
#[inline(always)]
pub fn is_before_the_agent(task: Task) -> bool {
    task.runs_its_parents_program() || task.program().is_named(PROGRAM)
}

#[inline(always)]
fn is_its_program(task: Task) -> bool {
    task.is_the_managers_child()
        && !task.runs_its_parents_program()
        && task.program().is_named(PROGRAM)
        && task.has_a_program_beside_its_parents()
}

/// What comes from outside into an agent's cgroup is [`ENTERING`] or [`PREPARING`] if the manager has started it, or
/// zero. Any other program (a worker that forked, a process that asked to enter) is held from there on.
#[inline(always)]
pub fn stage(task: Task) -> u32 {
    if is_its_fork(task) {
        ENTERING
    } else if !task.is_the_managers_child() || task.runs_its_parents_program() {
        0
    } else if task.program().is_named(PROGRAM) {
        sticky::count_prepared();
        PREPARING
    } else {
        0
    }
}

/// Whether it is a fork of process 1 that has executed nothing. Others whose parent is gone are process 1's children, too,
/// and may have executed nothing; but they are no forks of it.
#[inline(always)]
pub fn is_its_fork(task: Task) -> bool {
    task.runs_its_parents_program()
        && task.is_the_managers_child()
        && task.has_its_parents_program()
}

/// As long as it shares process 1's memory it does what process 1 wants, and only then: an agent that has a file of that
/// name cannot come here.
#[inline(always)]
fn is_started_by_the_manager(task: Task, file: File) -> bool {
    task.is_the_managers_child() && task.shares_its_parents_memory() && file.is_named(PROGRAM)
}

#[inline(always)]
fn note(task: Task, tag: Tag, reserved: u32) {
    // It has its memory: it was noted before.
    sticky::note(task, Tag { reserved, ..tag });
}
