//! Data is sent on an Internet socket that the agent did not make: it was inherited from before, or from a
//! process that is no agent's. The programs on packets do not see it as the agent's, so it is decided here.

use agentguard_common::{
    decision::{Endpoint, Reason, SOCK_STREAM, Verdict, decide_answer},
    event::Operation,
    protocol::Protocol,
    scope::ScopeWord,
    socket::{AF_INET, AF_INET6},
};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::REFUSED;
use crate::{
    events::{Attempt, settle},
    identity::{self, Owner},
    kernel::{Message, Socket},
    network::{
        peer::NoPeer,
        scope::{Scope, word},
    },
    verifier,
};

#[lsm(hook = "socket_sendmsg")]
pub fn socket_sendmsg(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let socket = Socket::of(ctx.arg(0));
    if socket.is_null() {
        return 0;
    }
    let family = socket.family();
    if family != AF_INET && family != AF_INET6 {
        return 0;
    }
    let word = word(owner.tag.agent);
    if word != ScopeWord::NONE && !word.confines_files() {
        return 0;
    }
    if identity::of(socket.cgroup()).is_some_and(|tag| tag.agent == owner.tag.agent) {
        return 0;
    }
    if foreign(&owner, word, socket, Message::new(ctx.arg(1))) {
        0
    } else {
        REFUSED
    }
}

/// Whether an agent may send on a socket that is not its own.
#[inline(always)]
fn foreign(owner: &Owner, word: ScopeWord, socket: Socket, message: Message) -> bool {
    let mut attempt = Attempt::of(owner, word, Operation::Packet as u8);
    attempt.family = socket.family();
    attempt.socket_type = socket.socket_type();
    attempt.protocol = socket.protocol();
    let is_known = if message.is_addressed() {
        message.destination(&mut attempt.address, &mut attempt.port)
    } else {
        (attempt.address, attempt.port) = socket.remote();
        true
    };
    let verdict = if is_known {
        decide(&attempt, socket)
    } else {
        Verdict::ERROR
    };
    settle(&attempt, verdict)
}

#[inline(always)]
fn decide(attempt: &Attempt, socket: Socket) -> Verdict {
    if attempt.protocol > u16::from(u8::MAX) {
        return Verdict::ERROR;
    }
    let Some(protocol) = Protocol::from_number(attempt.protocol as u8) else {
        return Verdict::ERROR;
    };
    let Some(scope) = Scope::open(attempt.word, &NoPeer) else {
        return Verdict::ERROR;
    };
    let (local_address, local_port) = socket.local();
    let mut ends = [
        Endpoint {
            address: local_address,
            protocol,
            // It may have been accepted; of datagrams an answer cannot be told from a question.
            port: if attempt.socket_type == SOCK_STREAM {
                local_port
            } else {
                0
            },
        },
        Endpoint {
            address: attempt.address.destination(),
            protocol,
            port: if protocol.has_ports() {
                attempt.port
            } else {
                0
            },
        },
    ];
    // The verifier need not know which way it was.
    if !verifier::forget_all(&mut ends) {
        return Verdict::ERROR;
    }
    let verdict = decide_answer(&scope, &ends[0], &ends[1]);
    if matches!(verdict.reason, Reason::NameByTls) {
        // The program that reads what TLS is told does not see it either.
        let flags = scope.flags().unwrap_or_default();
        return Verdict::refusal(Reason::ServerName, flags);
    }
    verdict
}
