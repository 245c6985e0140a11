//! A datagram with a destination: `sendto(2)`, `sendmsg(2)`, each of `sendmmsg(2)`.

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint, Reason, Verdict},
    event::Operation,
    names::ResolverAddress,
    scope::{FLAG_OBSERVE, ScopeWord},
};
use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use super::{
    answer,
    cache::Cache,
    case::Case,
    context::Call,
    hello,
    peer::Socket,
    permitted,
    redirect::Redirect,
    resolver::{self, Course},
    scope::word,
};
use crate::{
    events::{Attempt, settle},
    identity::{self, Owner},
    verifier,
};

#[cgroup_sock_addr(sendmsg4)]
pub fn sendmsg4(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    answer(decide(
        call,
        call.v4(),
        Operation::Send,
        Call::set_v4,
        is_resolver,
    ))
}

#[cgroup_sock_addr(sendmsg6)]
pub fn sendmsg6(ctx: SockAddrContext) -> i32 {
    let call = Call(ctx.sock_addr);
    answer(decide(
        call,
        call.v6(),
        Operation::Send,
        Call::set_v6,
        |_, _| false,
    ))
}

/// Decides on a destination that a call names, and leaves the verdict for the packet hook. `replace`
/// replaces the destination; `is_asked` says whether it is the resolver that the socket asks already.
#[inline(always)]
pub fn decide(
    call: Call,
    written: Address,
    operation: Operation,
    replace: impl Fn(Call, Address, u16),
    is_asked: impl Fn(Call, &Endpoint) -> bool,
) -> bool {
    let Some(owner) = identity::current() else {
        return true;
    };
    let word = word(owner.tag.agent);
    let address = written.destination();
    let to = call.endpoint(address);
    if let Some(to) = &to
        && permitted::is_known(word, to)
    {
        if matches!(operation, Operation::Connect) {
            connected(call);
        }
        return true;
    }
    let mut verdict = match &to {
        Some(to) => judge(call, &owner, word, to),
        None => Verdict::ERROR,
    };
    // What follows is verified once, not once for each way to a verdict.
    if !verifier::forget_all(&mut verdict) {
        return false;
    }
    if to.is_some_and(|to| to.is_name_server()) && !matches!(verdict.action, Action::Refuse) {
        let mut resolver = ResolverAddress::default();
        match resolver::find(call.0, &owner, word, &written, &mut resolver) {
            Course::Straight => {}
            // The packet hook knows of it.
            Course::Redirected => {
                let permitted = record(call, &owner, word, address, operation, verdict);
                replace(call, resolver.address, resolver.port);
                if matches!(operation, Operation::Connect) {
                    connected(call);
                }
                return permitted;
            }
            Course::Nowhere => verdict = Verdict::refusal(Reason::NoResolver, 0),
            Course::Unanswered => verdict = Verdict::refusal(Reason::NoResolver, FLAG_OBSERVE),
            Course::Failed => verdict = Verdict::ERROR,
        }
    }
    if matches!(verdict.action, Action::Refuse) && to.as_ref().is_some_and(|to| is_asked(call, to))
    {
        return true;
    }
    // It sends nothing. What is sent is decided packet by packet.
    if matches!(operation, Operation::Connect) && matches!(verdict.reason, Reason::NoRuleHere) {
        return true;
    }
    let permitted = record(call, &owner, word, address, operation, verdict);
    if permitted && let Some(to) = &to {
        leave(call, word, to, verdict);
        if matches!(operation, Operation::Connect) {
            connected(call);
        }
    }
    permitted
}

/// Whether a destination is the resolver that the socket asks: what is sent on an IPv6 socket that is
/// connected to an IPv4 address names that address to us (`udpv6_sendmsg`).
#[inline(always)]
fn is_resolver(call: Call, to: &Endpoint) -> bool {
    to.address.is_loopback()
        && Redirect::of(call.socket()).is_some_and(|redirect| redirect.is_to(to))
}

#[inline(always)]
fn judge(call: Call, owner: &Owner, word: ScopeWord, to: &Endpoint) -> Verdict {
    let mut case = Case::new(word, *to);
    case.decide_destination(|| Socket {
        context: call.0.cast(),
        agent: owner.tag.agent,
        local: call.local(),
    });
    case.verdict
}

#[inline(always)]
fn record(
    call: Call,
    owner: &Owner,
    word: ScopeWord,
    address: Address,
    operation: Operation,
    verdict: Verdict,
) -> bool {
    let attempt = Attempt {
        tag: owner.tag,
        word,
        cgroup: owner.cgroup,
        operation: operation as u8,
        address,
        port: call.port(),
        family: call.family(),
        socket_type: call.socket_type(),
        protocol: call.protocol(),
    };
    settle(&attempt, verdict)
}

/// Leaves a verdict for the packet hook.
#[inline(always)]
fn leave(call: Call, word: ScopeWord, to: &Endpoint, verdict: Verdict) {
    if verdict.is_permission_of_a_rule() {
        return permitted::remember(word, to);
    }
    // Without memory the packet is decided again, and recorded again.
    let Some(cache) = Cache::make(call.socket()) else {
        return;
    };
    if matches!(verdict.reason, Reason::SameAgent | Reason::NameByTls) {
        // Another process can have the peer's port by the time that the packet leaves; and TLS has been told nothing.
        cache.forget();
    } else {
        cache.remember(word, to, verdict.action);
    }
}

/// Notes that the packets of a socket that was bound are no answers, and that TLS begins anew.
#[inline(always)]
fn connected(call: Call) {
    if let Some(cache) = Cache::of(call.socket()) {
        cache.set_answering(false);
        hello::forget(call.socket());
    }
}
