//! `socket(2)`: an agent's Internet sockets are of known kinds, and carry their owner.

use agentguard_common::{
    address::Address,
    decision::{Action, Verdict, decide_socket},
    event::Operation,
};
use aya_ebpf::{macros::cgroup_sock, programs::SockContext};

use super::{
    answer,
    cache::Cache,
    peer::NoPeer,
    scope::{Scope, word},
};
use crate::{
    events::{Attempt, settle},
    identity,
};

#[cgroup_sock(sock_create)]
pub fn sock_create(ctx: SockContext) -> i32 {
    answer(create(ctx))
}

#[inline(always)]
fn create(ctx: SockContext) -> bool {
    let Some(owner) = identity::current() else {
        return true;
    };
    let word = word(owner.tag.agent);
    // SAFETY: the context is valid.
    let (family, socket_type, protocol) = unsafe {
        (
            (*ctx.sock).family as u16,
            (*ctx.sock).type_ as u16,
            (*ctx.sock).protocol as u16,
        )
    };
    let mut verdict = match Scope::open(word, &NoPeer) {
        Some(scope) => decide_socket(&scope, socket_type, protocol),
        None => Verdict::ERROR,
    };
    // The owner is what same-agent connections are known by. No memory is no socket.
    if !matches!(verdict.action, Action::Refuse)
        && Cache::of_agent(ctx.sock.cast(), owner.tag).is_none()
    {
        verdict = Verdict::ERROR;
    }
    let attempt = Attempt {
        tag: owner.tag,
        word,
        cgroup: owner.cgroup,
        operation: Operation::Socket,
        address: Address::MIN,
        port: 0,
        family,
        socket_type,
        protocol,
    };
    settle(&attempt, verdict)
}
