//! The resolver's answers, as the name server's that was asked: many programs take no others. The hooks
//! are there only if an agent has rules by name.

use agentguard_common::names::DOMAIN;
use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use super::{ALLOW, context::Call, redirect::Redirect};

#[cgroup_sock_addr(recvmsg4)]
pub fn recvmsg4(ctx: SockAddrContext) -> i32 {
    show4(Call(ctx.sock_addr))
}

#[cgroup_sock_addr(recvmsg6)]
pub fn recvmsg6(ctx: SockAddrContext) -> i32 {
    show6(Call(ctx.sock_addr))
}

#[cgroup_sock_addr(getpeername4)]
pub fn getpeername4(ctx: SockAddrContext) -> i32 {
    show4(Call(ctx.sock_addr))
}

#[cgroup_sock_addr(getpeername6)]
pub fn getpeername6(ctx: SockAddrContext) -> i32 {
    show6(Call(ctx.sock_addr))
}

// The kernel takes no other answer from these hooks.

#[inline(always)]
fn show4(call: Call) -> i32 {
    if let Some(redirect) = Redirect::of(call.socket())
        && let Some(server) = redirect.server(call.v4(), call.port())
    {
        call.set_v4(server, DOMAIN);
    }
    ALLOW
}

#[inline(always)]
fn show6(call: Call) -> i32 {
    if let Some(redirect) = Redirect::of(call.socket())
        && let Some(server) = redirect.server(call.v6(), call.port())
    {
        call.set_v6(server, DOMAIN);
    }
    ALLOW
}
