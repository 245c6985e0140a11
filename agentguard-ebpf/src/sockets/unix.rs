//! Unix sockets: whom an agent reaches.
//!
//! A socket is known by where it was bound: by the path of its file, walked as any file's is, or by its
//! abstract name. What the agent's own processes made it may reach.

use agentguard_common::{event::Operation, path::Access, scope::ScopeWord, verdict::Verdict};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::REFUSED;
use crate::{
    events::{Attempt, settle},
    files::{
        check::{Request, decide},
        walk::Walk,
    },
    identity::{self, Owner},
    kernel::{Socket, UnixSocket},
    network::scope::word,
    process::limits,
};

/// `connect(2)` of a stream, or of a sequence of packets.
#[lsm(hook = "unix_stream_connect")]
pub fn unix_stream_connect(ctx: LsmContext) -> i32 {
    reach(Socket::new(ctx.arg(1)), Operation::ConnectUnix)
}

/// A datagram: `sendto(2)`, and `connect(2)`.
#[lsm(hook = "unix_may_send")]
pub fn unix_may_send(ctx: LsmContext) -> i32 {
    reach(Socket::of(ctx.arg(1)), Operation::SendUnix)
}

#[inline(always)]
fn reach(peer: Socket, operation: Operation) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    if may_reach(&owner, peer, operation) {
        0
    } else {
        REFUSED
    }
}

/// Whether an agent may reach a socket. What is refused or observed is recorded.
#[inline(always)]
pub fn may_reach(owner: &Owner, peer: Socket, operation: Operation) -> bool {
    let word = word(owner.tag.agent);
    if word != ScopeWord::NONE && !word.confines_sockets() {
        return true;
    }
    if peer.is_null() {
        return nameless(owner, word, operation, true);
    }
    if identity::of(peer.cgroup()).is_some_and(|tag| tag.agent == owner.tag.agent) {
        return true;
    }
    let Some(peer) = UnixSocket::of(peer) else {
        return nameless(owner, word, operation, true);
    };
    let at = peer.dentry();
    if !at.pointer().is_null() {
        return decide(
            &Request::new(*owner, at, Access::Connect.bit(), operation),
            word,
        );
    }
    let Some(walk) = Walk::of_current() else {
        return nameless(owner, word, operation, true);
    };
    // SAFETY: a name of a walk has room for any component.
    if !Walk::name(walk, |name| unsafe { peer.abstract_name(name) }) {
        return nameless(owner, word, operation, false);
    }
    // Read again: of `at` the compiler knows that it is null, and then it has no type.
    let at = peer.dentry();
    decide(
        &Request::named(*owner, at, Access::Connect.bit(), operation),
        word,
    )
}

/// What an agent reaches has no name for a rule to speak of, or it cannot be told.
#[inline(never)]
fn nameless(owner: &Owner, word: ScopeWord, operation: Operation, failed: bool) -> bool {
    let verdict = match limits(word) {
        Some(limits) if !failed => limits.nameless(),
        _ => Verdict::ERROR,
    };
    settle(&Attempt::of(owner, word, operation as u8), verdict)
}
