//! Input that is typed into a terminal: what reads it takes it for the user's.

use agentguard_common::event::Operation;
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::identity;

/// `TIOCSTI`, and `TIOCLINUX`, which pastes.
const TYPE: u32 = 0x5412;
const PASTE: u32 = 0x541c;

#[lsm(hook = "file_ioctl")]
pub fn file_ioctl(ctx: LsmContext) -> i32 {
    ioctl(ctx.arg(1))
}

/// Of programs of 32 bits (Linux 6.8: before, the hook is the same).
#[lsm(hook = "file_ioctl_compat")]
pub fn file_ioctl_compat(ctx: LsmContext) -> i32 {
    ioctl(ctx.arg(1))
}

#[inline(always)]
fn ioctl(command: u32) -> i32 {
    if command != TYPE && command != PASTE {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    let numbers = (u64::from(command), 0);
    answer(&owner, Operation::Terminal, numbers, |limits| {
        limits.never()
    })
}
