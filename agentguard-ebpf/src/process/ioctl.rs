//! `ioctl(2)`: input that is typed into a terminal, which what reads it takes for the user's; and who owns a
//! socket.

use agentguard_common::event::Operation;
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{answer, signal};
use crate::identity;

/// `TIOCSTI`, and `TIOCLINUX`, which pastes.
const TYPE: u32 = 0x5412;
const PASTE: u32 = 0x541c;
/// `FIOSETOWN` and `SIOCSPGRP` of `include/uapi/asm-generic/sockios.h`.
const SET_OWNER: u32 = 0x8901;
const SET_GROUP: u32 = 0x8902;

#[lsm(hook = "file_ioctl")]
pub fn file_ioctl(ctx: LsmContext) -> i32 {
    decide(ctx.arg(1))
}

/// Of programs of 32 bits (Linux 6.8: before, the hook is the same).
#[lsm(hook = "file_ioctl_compat")]
pub fn file_ioctl_compat(ctx: LsmContext) -> i32 {
    decide(ctx.arg(1))
}

#[inline(always)]
fn decide(command: u32) -> i32 {
    if command == SET_OWNER || command == SET_GROUP {
        return signal::own(false, 0);
    }
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
