//! What is remembered with a socket, where there is something to remember. To make storage costs
//! more than all other work on a connection, so one that the rules permit has none.
//!
//! - A datagram socket: whose it is, for peers of the same agent.
//! - A stream socket that was bound, listens, or was accepted: that its packets answer a peer.
//! - Any socket: the last verdict that is not in the [memo](super::permitted). Several threads can send
//!   on one socket, so a verdict and its destination are read and written under a lock: half of one
//!   and half of another could let a packet through.

use core::ptr::{read_volatile, write_volatile};

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint},
    scope::ScopeWord,
};
use aya_ebpf::{
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, bpf_spin_lock},
    cty::c_void,
    helpers::generated::{bpf_spin_lock as lock, bpf_spin_unlock as unlock},
    macros::btf_map,
};

use super::storage::SocketStorage;

/// The value of a socket's storage. All zeros is what it begins with.
#[repr(C)]
pub struct Socket {
    lock: bpf_spin_lock,
    /// The slot plus one of the agent that made a datagram socket.
    owner: u32,
    /// The scope of the verdict.
    word: u64,
    address: Address,
    port: u16,
    protocol: u8,
    action: u8,
    /// Not 0 if the packets of a stream answer a peer.
    answering: u16,
    /// Not 0 if it has asked the daemon's resolver.
    redirected: u16,
}

/// An accepted socket inherits its listener's (`BPF_F_CLONE`, Linux 5.4).
#[btf_map]
static SOCKETS: SocketStorage<Socket, { (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize }> =
    SocketStorage::new();

/// A socket's storage.
#[derive(Clone, Copy)]
pub struct Cache(*mut Socket);

impl Cache {
    /// The storage of a socket, if it has one. `sk` is a socket pointer that the verifier knows.
    #[inline(always)]
    pub fn of(sk: *mut c_void) -> Option<Self> {
        SOCKETS.get(sk).map(Self)
    }

    /// The storage of a socket, made if there is none. `None` if there is no memory.
    #[inline(always)]
    pub fn make(sk: *mut c_void) -> Option<Self> {
        SOCKETS.make(sk).map(Self)
    }

    /// The slot of the agent whose datagram socket it is.
    #[inline(always)]
    pub fn owner(self) -> Option<u32> {
        // SAFETY: the pointer is to the socket's storage; the member is one word.
        let owner = unsafe { read_volatile(&raw const (*self.0).owner) };
        owner.checked_sub(1)
    }

    /// Notes whose datagram socket it is.
    #[inline(always)]
    pub fn set_owner(self, agent: u32) {
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut (*self.0).owner, agent + 1) }
    }

    /// Whether the packets of a stream answer a peer that connected to it.
    #[inline(always)]
    pub fn is_answering(self) -> bool {
        // SAFETY: as above.
        unsafe { read_volatile(&raw const (*self.0).answering) != 0 }
    }

    /// Notes whether the packets of a stream answer a peer. What a listener says of itself, what it
    /// accepts inherits.
    #[inline(always)]
    pub fn set_answering(self, answering: bool) {
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut (*self.0).answering, u16::from(answering)) }
    }

    /// Whether it has asked the daemon's resolver: [`Redirect`](super::redirect::Redirect) says more.
    #[inline(always)]
    pub fn is_redirected(self) -> bool {
        // SAFETY: as above.
        unsafe { read_volatile(&raw const (*self.0).redirected) != 0 }
    }

    /// Notes that it asks the daemon's resolver.
    #[inline(always)]
    pub fn set_redirected(self) {
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut (*self.0).redirected, 1) }
    }

    /// The verdict on a destination under the scope `word`, if it is the last one.
    #[inline(always)]
    pub fn verdict(self, word: ScopeWord, to: &Endpoint) -> Option<Action> {
        // SAFETY: the pointer is to the socket's storage, and the lock is its own.
        let (same, action) = unsafe {
            let socket = self.0;
            lock(&raw mut (*socket).lock);
            let same = ((*socket).word ^ word.0)
                | ((*socket).address.hi ^ to.address.hi)
                | ((*socket).address.lo ^ to.address.lo)
                | u64::from((*socket).port ^ to.port)
                | u64::from((*socket).protocol ^ to.protocol as u8);
            let action = (*socket).action;
            unlock(&raw mut (*socket).lock);
            (same == 0, action)
        };
        if !same {
            return None;
        }
        // The enumeration's numbers; anything else cannot be, and is a refusal.
        Some(match action {
            0 => Action::Permit,
            1 => Action::Observe,
            _ => Action::Refuse,
        })
    }

    /// Forgets the last verdict.
    #[inline(always)]
    pub fn forget(self) {
        // SAFETY: the pointer is to the socket's storage; the word alone makes a verdict, and is
        // replaced at once.
        unsafe { write_volatile(&raw mut (*self.0).word, ScopeWord::NONE.0) }
    }

    /// Remembers the verdict on a destination.
    #[inline(always)]
    pub fn remember(self, word: ScopeWord, to: &Endpoint, action: Action) {
        // SAFETY: as above.
        unsafe {
            let socket = self.0;
            lock(&raw mut (*socket).lock);
            (*socket).word = word.0;
            (*socket).address.hi = to.address.hi;
            (*socket).address.lo = to.address.lo;
            (*socket).port = to.port;
            (*socket).protocol = to.protocol as u8;
            (*socket).action = action as u8;
            unlock(&raw mut (*socket).lock);
        }
    }
}
