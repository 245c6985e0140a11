//! Who asks the resolver: it knows its askers by their end of the question, and only the packet has
//! that.

use agentguard_common::{decision::Endpoint, names::AskerKey, protocol::Protocol};
use aya_ebpf::bindings::{__sk_buff, bpf_sock};

use super::{context::Local, packet::source, redirect::Redirect, resolver};
use crate::maps::ASKERS;

/// `TCP_SYN_SENT`.
const SYN_SENT: u32 = 2;

/// What a packet of a socket that has asked the resolver is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// It goes to the resolver.
    Asked,
    /// It goes elsewhere.
    Elsewhere,
    /// It cannot be told who asks.
    Failed,
}

/// Looks at a packet of a socket that has asked the resolver, and notes who asks if it does so again.
#[inline(never)]
pub fn note(skb: *mut __sk_buff, sk: *mut bpf_sock, to: &Endpoint) -> Question {
    let Some(redirect) = Redirect::of(sk.cast()) else {
        return Question::Elsewhere;
    };
    if !redirect.is_to(to) {
        return Question::Elsewhere;
    }
    // SAFETY: the pointer is valid.
    let state = unsafe { (*sk).state };
    if matches!(to.protocol, Protocol::Tcp) && state != SYN_SENT {
        return Question::Asked;
    }
    // SAFETY: the pointer is to the socket's storage. It is not copied: there is no room for it. What two
    // threads write at once is of one agent, and says one name or the other.
    let asker = unsafe { &*redirect.asker() };
    // What the daemon has closed can be another's by now.
    if !resolver::is_at(redirect.netns(), asker.agent, to) {
        return Question::Elsewhere;
    }
    let Some(address) = source(skb) else {
        return Question::Failed;
    };
    let key = AskerKey {
        netns: redirect.netns(),
        address,
        port: Local::of(sk).port,
        protocol: to.protocol as u8,
        reserved: [0; 5],
    };
    match ASKERS.insert(&key, asker, 0) {
        Ok(()) => Question::Asked,
        Err(_) => Question::Failed,
    }
}
