//! The decision as a function of its own: it takes most of the stack, and its callers need some for what follows.

use core::cell::Cell;

use agentguard_common::{
    address::Address,
    decision::{Endpoint, Verdict, decide_answer, decide_destination},
    protocol::Protocol,
    rules::NO_RULE,
    scope::ScopeWord,
    verdict::Reason,
};

use super::{
    peer::{Peer, Socket, owned_by},
    scope::Scope,
};
use crate::verifier;

/// What is decided, and how.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Case {
    /// The scope that decides.
    pub word: ScopeWord,
    /// The destination.
    pub to: Endpoint,
    /// The end that the agent may listen on, of an answer that is not decided. Without a port it is none.
    pub local: Endpoint,
    /// What was decided.
    pub verdict: Verdict,
    /// Whether the connection is open already.
    pub is_open: bool,
    /// Whether a peer of the same agent would have been permitted.
    is_peer_asked_for: bool,
}

impl Case {
    /// The destination of what has none that can be told.
    pub const NOWHERE: Endpoint = Endpoint {
        address: Address::MIN,
        protocol: Protocol::Tcp,
        port: 0,
    };

    /// Of a destination, not decided.
    #[inline(always)]
    pub const fn new(word: ScopeWord, to: Endpoint) -> Self {
        Self {
            word,
            to,
            local: Self::NOWHERE,
            verdict: Verdict::ERROR,
            is_open: false,
            is_peer_asked_for: false,
        }
    }

    /// [Decides](decide_destination) on a destination. `peer` finds whoever is there.
    #[inline(always)]
    pub fn decide_destination(&mut self, peer: impl Fn() -> Socket) {
        destination(self);
        self.look_for(peer);
    }

    /// [Decides](decide_answer) on a packet. `peer` finds whoever is there.
    #[inline(always)]
    pub fn decide_answer(&mut self, peer: impl Fn() -> Socket) {
        // The verifier need not know which way it was, here and behind.
        if !verifier::forget_all(self) {
            self.verdict = Verdict::ERROR;
            return;
        }
        answer(self);
        self.look_for(peer);
    }

    /// Permits a peer of the same agent, which the decision would have done at once.
    #[inline(always)]
    fn look_for(&mut self, peer: impl Fn() -> Socket) {
        if !verifier::forget_all(self) {
            self.verdict = Verdict::ERROR;
        } else if self.is_peer_asked_for {
            let socket = peer();
            // In its place, for there is little on the stack.
            self.local.address = socket.local.address;
            self.local.port = socket.local.port;
            if owned_by(socket.context, socket.agent, &self.local, &self.to) {
                self.verdict = Verdict::permit(Reason::SameAgent, NO_RULE);
            }
        }
    }
}

/// Nobody, who notes that somebody was asked for.
struct Later(Cell<bool>);

impl Peer for Later {
    #[inline(always)]
    fn same_agent(&self, _: &Endpoint) -> bool {
        self.0.set(true);
        false
    }
}

#[inline(never)]
fn destination(case: &mut Case) {
    let peer = Later(Cell::new(false));
    if let Some(scope) = Scope::open(case.word, &peer) {
        case.verdict = decide_destination(&scope, &case.to);
    }
    case.is_peer_asked_for = peer.0.get();
}

#[inline(never)]
fn answer(case: &mut Case) {
    let peer = Later(Cell::new(false));
    if let Some(scope) = Scope::open(case.word, &peer) {
        let scope = scope.of_open(case.is_open);
        case.verdict = decide_answer(&scope, &case.local, &case.to);
    }
    case.is_peer_asked_for = peer.0.get();
}
