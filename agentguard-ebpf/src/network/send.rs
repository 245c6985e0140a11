//! A datagram with a destination: `sendto(2)`, `sendmsg(2)`, each of `sendmmsg(2)`.

use agentguard_common::{
    address::Address,
    decision::{Action, Reason, Verdict, decide_destination},
    event::Operation,
};
use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use super::{
    answer,
    cache::Cache,
    context::Call,
    peer::Socket,
    scope::{Scope, word},
};
use crate::{
    events::{Attempt, settle},
    identity,
};

#[cgroup_sock_addr(sendmsg4)]
pub fn sendmsg4(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    answer(decide(call, call.v4(), Operation::Send))
}

#[cgroup_sock_addr(sendmsg6)]
pub fn sendmsg6(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    answer(decide(call, call.v6(), Operation::Send))
}

/// Decides on a destination that a call names, and leaves the verdict for the packet hook.
#[inline(always)]
pub fn decide(call: Call, address: Address, operation: Operation) -> bool {
    let Some(owner) = identity::current() else {
        return true;
    };
    let word = word(owner.tag.agent);
    let address = address.destination();
    let attempt = Attempt {
        tag: owner.tag,
        word,
        cgroup: owner.cgroup,
        operation,
        address,
        port: call.port(),
        family: call.family(),
        socket_type: call.socket_type(),
        protocol: call.protocol(),
    };
    let Some(to) = call.endpoint(address) else {
        return settle(&attempt, Verdict::ERROR);
    };
    // A socket that the agent did not make (it was passed, or is older than the tag) gets no
    // storage here: it would become the agent's, for whoever made it too.
    let cache = Cache::of(call.socket());
    if matches!(operation, Operation::Send)
        && cache.is_some_and(|cache| matches!(cache.verdict(word, &to), Some(Action::Permit)))
    {
        return true;
    }
    let peer = Socket {
        context: call.0.cast(),
        agent: owner.tag.agent,
        local: call.local(),
    };
    let verdict = match Scope::open(word, &peer) {
        Some(scope) => decide_destination(&scope, &to),
        None => Verdict::ERROR,
    };
    let permitted = settle(&attempt, verdict);
    if permitted && let Some(cache) = cache {
        if matches!(operation, Operation::Connect) {
            cache.set_outbound();
        }
        if matches!(verdict.reason, Reason::SameAgent) {
            // Another process can have the peer's port by the time that the packet leaves.
            cache.forget();
        } else {
            cache.remember(word, &to, verdict.action);
        }
    }
    permitted
}
