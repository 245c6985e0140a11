//! `setsockopt(2)`: packets go where the destination says.

use agentguard_common::{event::Operation, process::Limits, socket::is_detour};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use crate::{identity, process::answer};

#[lsm(hook = "socket_setsockopt")]
pub fn socket_setsockopt(ctx: LsmContext) -> i32 {
    let (level, option) = (ctx.arg::<u32>(1), ctx.arg::<u32>(2));
    if !is_detour(level, option) {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    let numbers = (u64::from(level), u64::from(option));
    answer(&owner, Operation::Option, numbers, Limits::never)
}
