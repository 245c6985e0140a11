//! `bind(2)`.

use agentguard_common::{
    address::Address,
    decision::{Action, SOCK_STREAM, Verdict, decide_bind},
    event::Operation,
};
use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use super::{
    answer,
    cache::Cache,
    context::Call,
    peer::NoPeer,
    scope::{Scope, word},
};
use crate::{
    events::{Attempt, settle},
    identity,
};

#[cgroup_sock_addr(bind4)]
pub fn bind4(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    answer(bind(call, call.v4()))
}

#[cgroup_sock_addr(bind6)]
pub fn bind6(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    answer(bind(call, call.v6()))
}

#[inline(always)]
fn bind(call: Call, address: Address) -> bool {
    let Some(owner) = identity::current() else {
        return true;
    };
    let word = word(owner.tag.agent);
    let mut verdict = match (call.endpoint(address), Scope::open(word, &NoPeer)) {
        (Some(local), Some(scope)) => decide_bind(&scope, &local),
        _ => Verdict::ERROR,
    };
    // It may come to listen, and what is accepted must be known from what was connected. What is
    // connected stays so: the kernel refuses to bind it only after it has asked us.
    if call.socket_type() == SOCK_STREAM
        && call.is_closed()
        && !matches!(verdict.action, Action::Refuse)
    {
        match Cache::make(call.socket()) {
            Some(cache) => cache.set_answering(true),
            None => verdict = Verdict::ERROR,
        }
    }
    let attempt = Attempt {
        tag: owner.tag,
        word,
        cgroup: owner.cgroup,
        operation: Operation::Bind as u8,
        address,
        port: call.port(),
        family: call.family(),
        socket_type: call.socket_type(),
        protocol: call.protocol(),
    };
    settle(&attempt, verdict)
}
