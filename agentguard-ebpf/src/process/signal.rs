//! `kill(2)` and its like.

use agentguard_common::{event::Operation, process::Whose};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::{
    identity::{self, sticky},
    kernel::Task,
};

/// `F_SETOWN` and `F_SETOWN_EX` of `include/uapi/asm-generic/fcntl.h`.
const SET_OWNER: u32 = 8;
const SET_OWNER_EX: u32 = 15;

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

/// `fcntl(2)`: who owns a descriptor gets signals from the kernel when something happens to it. An agent's
/// process may only name itself. Whom the second form names can be changed after it was looked at, so that
/// names nobody. (`FIOSETOWN` and `SIOCSPGRP` do the same to sockets: [`super::ioctl`].)
#[lsm(hook = "file_fcntl")]
pub fn file_fcntl(ctx: LsmContext) -> i32 {
    let command: u32 = ctx.arg(1);
    if command != SET_OWNER && command != SET_OWNER_EX {
        return 0;
    }
    let to: u32 = ctx.arg(2);
    own(
        command == SET_OWNER && (to == 0 || to == Task::current().pid()),
        to,
    )
}

/// The answer to making somebody the owner of a descriptor.
#[inline(always)]
pub fn own(is_itself: bool, to: u32) -> i32 {
    if is_itself {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    let numbers = (0, u64::from(to));
    answer(&owner, Operation::Signal, numbers, |limits| {
        limits.signal(Whose::Others)
    })
}
