//! `ptrace(2)`, and what asks for its rights: another process's memory, descriptors, namespaces, and most of
//! its directory in `/proc`.

use agentguard_common::{
    event::Operation,
    process::{Trace, Whose},
};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::{
    identity::{self, sticky},
    kernel::Task,
};

/// `PTRACE_MODE_ATTACH` and `PTRACE_MODE_NOAUDIT` of `include/linux/ptrace.h`.
const ATTACH: u32 = 2;
const NO_AUDIT: u32 = 4;
/// `-EPERM`.
const REFUSED: i32 = -1;

/// The running task asks for another. The kernel does not ask for threads of the same process.
#[lsm(hook = "ptrace_access_check")]
pub fn ptrace_access_check(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let child = Task::new(ctx.arg(0));
    let mode: u32 = ctx.arg(1);
    let is_own = sticky::is_same_agent(&owner, child);
    if mode & NO_AUDIT != 0 && !is_own {
        // A question, not an attempt: `/proc/PID/stat` shows zeros instead of addresses.
        return REFUSED;
    }
    let whose = if is_own { Whose::Own } else { Whose::Others };
    let how = if mode & ATTACH != 0 {
        Trace::Attach
    } else {
        Trace::Read
    };
    let target = u64::from(child.pid());
    answer(&owner, Operation::Trace, (0, target), |limits| {
        limits.trace(whose, how)
    })
}

/// The running task asks its parent to trace it. Who is no agent's may: the agent gains nothing.
#[lsm(hook = "ptrace_traceme")]
pub fn ptrace_traceme(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let parent = Task::new(ctx.arg(0));
    let Some(tag) = sticky::of(parent) else {
        return 0;
    };
    let whose = if tag.agent == owner.tag.agent {
        Whose::Own
    } else {
        Whose::Others
    };
    let target = u64::from(parent.pid());
    answer(&owner, Operation::Trace, (0, target), |limits| {
        limits.trace(whose, Trace::Attach)
    })
}
