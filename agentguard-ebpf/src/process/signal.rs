//! `kill(2)` and its like.

use agentguard_common::{event::Operation, process::Whose};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::{
    identity::{self, sticky},
    kernel::Task,
};

/// The kernel asks for what processes send (`check_kill_permission` in `kernel/signal.c`), not for what it
/// sends itself.
#[lsm(hook = "task_kill")]
pub fn task_kill(ctx: LsmContext) -> i32 {
    let signal: u32 = ctx.arg(2);
    // Whether a process exists is no secret.
    if signal == 0 {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    let to = Task::new(ctx.arg(0));
    if sticky::is_same_agent(&owner, to) {
        return 0;
    }
    let numbers = (u64::from(signal), u64::from(to.pid()));
    answer(&owner, Operation::Signal, numbers, |limits| {
        limits.signal(Whose::Others)
    })
}
