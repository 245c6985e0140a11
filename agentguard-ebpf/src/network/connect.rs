//! `connect(2)`, and the sends that connect: `sendto` with `MSG_FASTOPEN`, the `CONNECT` of `io_uring`.

use agentguard_common::{address::Address, event::Operation};
use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use super::{answer, context::Call, send::decide};

#[cgroup_sock_addr(connect4)]
pub fn connect4(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    connect(call, call.v4(), Call::set_v4)
}

#[cgroup_sock_addr(connect6)]
pub fn connect6(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    connect(call, call.v6(), Call::set_v6)
}

#[inline(always)]
fn connect(call: Call, address: Address, replace: impl Fn(Call, Address, u16)) -> i32 {
    answer(decide(
        call,
        address,
        Operation::Connect,
        replace,
        |_, _| false,
    ))
}
