//! `socket(2)`: an agent's Internet sockets are of known kinds.

use agentguard_common::{
    address::Address,
    decision::{Action, SOCK_DGRAM, Verdict, decide_socket},
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
    // The owner is what peers of the same agent are known by. No memory is no socket. Of a stream
    // it can be told by other means.
    if socket_type == SOCK_DGRAM && !matches!(verdict.action, Action::Refuse) {
        match Cache::make(ctx.sock.cast()) {
            Some(cache) => cache.set_owner(owner.tag.agent),
            None => verdict = Verdict::ERROR,
        }
    }
    let attempt = Attempt {
        tag: owner.tag,
        word,
        cgroup: owner.cgroup,
        operation: Operation::Socket as u8,
        address: Address::MIN,
        port: 0,
        family,
        socket_type,
        protocol,
    };
    settle(&attempt, verdict)
}
