//! A packet leaves an agent's socket.
//!
//! The calls have been decided already, so almost every packet goes where the socket's last
//! verdict was for, and costs one storage look-up. The hook is the backstop for what no call sees:
//! routing headers, answers to peers, and connections that are open when a scope is tightened.

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint, Reason, Verdict, decide_answer, decide_destination},
    event::Operation,
    protocol::{Protocol, TCP},
    scope::ScopeWord,
};
use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::{bpf_sk_fullsock, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};

use super::{
    answer,
    cache::Cache,
    context::{Local, v6},
    peer::Socket,
    scope::{Scope, word},
};
use crate::{
    events::{Attempt, repeat, settle},
    identity::{self, Owner},
};

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u32 = 1;
/// `SOCK_RAW`.
const SOCK_RAW: u32 = 3;

#[cgroup_skb(egress)]
pub fn egress(ctx: SkBuffContext) -> i32 {
    answer(packet(ctx.skb.skb))
}

#[inline(always)]
fn packet(skb: *mut __sk_buff) -> bool {
    // SAFETY: the context is valid; the verifier checks both pointers.
    let sk = unsafe {
        let sk = (*skb).__bindgen_anon_2.sk;
        if sk.is_null() {
            sk
        } else {
            bpf_sk_fullsock(sk)
        }
    };
    if sk.is_null() {
        // The kernel runs the hook for full sockets only; if it ever does not, an agent's packet
        // is refused.
        return identity::sender(skb).is_none_or(|owner| refuse_unknown(&owner));
    }
    let cache = if let Some(cache) = Cache::of(sk.cast()) {
        cache
    } else {
        // Not made by a tagged task: nobody's, accepted, or older than its cgroup's tag.
        let Some(owner) = identity::sender(skb) else {
            return true;
        };
        match Cache::of_agent(sk.cast(), owner.tag) {
            Some(cache) => cache,
            None => return refuse_unknown(&owner),
        }
    };
    let Some(tag) = cache.owner() else {
        return false;
    };
    let word = word(tag.agent);
    let to = destination(skb, sk);
    if let Some(to) = &to {
        match cache.verdict(word, to) {
            Some(Action::Permit | Action::Observe) => return true,
            Some(Action::Refuse) => {
                repeat(tag.agent);
                return false;
            }
            None => {}
        }
    }
    decide(skb, sk, cache, word, to.as_ref())
}

/// Decides on a packet whose verdict is not remembered.
#[inline(always)]
fn decide(
    skb: *mut __sk_buff,
    sk: *mut bpf_sock,
    cache: Cache,
    word: ScopeWord,
    to: Option<&Endpoint>,
) -> bool {
    let Some(tag) = cache.owner() else {
        return false;
    };
    let local = Local::of(sk);
    // SAFETY: the pointer is valid; fields are copied.
    let (family, socket_type, protocol) = unsafe {
        (
            (*sk).family as u16,
            (*sk).type_ as u16,
            (*sk).protocol as u16,
        )
    };
    let mut attempt = Attempt {
        tag,
        word,
        // SAFETY: the pointer is the program's context.
        cgroup: unsafe { aya_ebpf::helpers::generated::bpf_skb_cgroup_id(skb) },
        operation: Operation::Packet,
        address: Address::MIN,
        port: 0,
        family,
        socket_type,
        protocol,
    };
    let Some(to) = to else {
        return settle(&attempt, Verdict::ERROR);
    };
    attempt.address = to.address;
    attempt.port = to.port;
    let peer = Socket {
        context: skb.cast(),
        agent: tag.agent,
        local,
    };
    let verdict = match Scope::open(word, &peer) {
        None => Verdict::ERROR,
        // UDP has no connections: an answer cannot be told from a question.
        Some(scope) if to.protocol as u8 != TCP || cache.is_outbound() => {
            decide_destination(&scope, to)
        }
        Some(scope) => decide_answer(
            &scope,
            &Endpoint {
                address: local.address,
                protocol: to.protocol,
                port: local.port,
            },
            to,
        ),
    };
    // A peer of the same agent is one only as long as the connection is: without one, another
    // process can take its port.
    // SAFETY: the pointer is valid.
    let is_connected = to.protocol as u8 == TCP && unsafe { (*sk).state } == ESTABLISHED;
    if is_connected || !matches!(verdict.reason, Reason::SameAgent) {
        cache.remember(word, to, verdict.action);
    }
    settle(&attempt, verdict)
}

#[inline(always)]
fn refuse_unknown(owner: &Owner) -> bool {
    let attempt = Attempt {
        tag: owner.tag,
        word: word(owner.tag.agent),
        cgroup: owner.cgroup,
        operation: Operation::Packet,
        address: Address::MIN,
        port: 0,
        family: 0,
        socket_type: 0,
        protocol: 0,
    };
    settle(&attempt, Verdict::ERROR)
}

/// Where the packet goes, from its headers. `None` if that cannot be told, or if no rule can speak
/// of it.
#[inline(always)]
fn destination(skb: *mut __sk_buff, sk: *mut bpf_sock) -> Option<Endpoint> {
    // SAFETY: the pointer is valid.
    if unsafe { (*sk).type_ } == SOCK_RAW {
        return None;
    }
    // As much of the header as both versions have, in one call: each costs as much as the look-up.
    let words: [u32; 5] = load(skb, 0)?;
    let [first, ..] = words[0].to_ne_bytes();
    let (address, number, offset) = if first >> 4 == 4 {
        let [_, number, ..] = words[2].to_ne_bytes();
        (
            Address::from_v4(u32::from_be(words[4])),
            number,
            u32::from(first & 0xf) * 4,
        )
    } else {
        let [_, _, next, _] = words[1].to_ne_bytes();
        let [a, b, c, d]: [u32; 4] = load(skb, 24)?;
        let (number, offset) = upper_layer(skb, next)?;
        (v6(a, b, c, d), number, offset)
    };
    let protocol = Protocol::from_number(number)?;
    // SAFETY: the pointer is valid.
    let (state, connected_port) = unsafe { ((*sk).state, (*sk).dst_port) };
    let port = u16::from_be(match protocol {
        Protocol::Icmp => 0,
        // The port of a connection is the socket's, and costs nothing.
        Protocol::Tcp if state == ESTABLISHED => connected_port,
        Protocol::Tcp | Protocol::Udp => load(skb, offset + 2)?,
    });
    Some(Endpoint {
        address: address.destination(),
        protocol,
        port,
    })
}

/// The upper-layer protocol of an IPv6 packet and where its header is (RFC 8200, section 4), by the
/// next header of the fixed one. More than four extension headers are not believed.
#[inline(always)]
fn upper_layer(skb: *mut __sk_buff, next: u8) -> Option<(u8, u32)> {
    let mut number = next;
    let mut offset = 40;
    for _ in 0..4 {
        match number {
            // Hop-by-hop options, routing, destination options.
            0 | 43 | 60 => {
                let [next, length]: [u8; 2] = load(skb, offset)?;
                number = next;
                offset += (u32::from(length) + 1) * 8;
            }
            _ => return Some((number, offset)),
        }
    }
    None
}

/// Reads from the packet, from the start of its network header.
#[inline(always)]
fn load<T: Copy + Default>(skb: *mut __sk_buff, offset: u32) -> Option<T> {
    let mut value = T::default();
    // SAFETY: the destination has the size of a `T`, whose every bit pattern is a value; the
    // helper checks the source.
    let result = unsafe {
        bpf_skb_load_bytes(
            skb.cast_const().cast(),
            offset,
            (&raw mut value).cast(),
            size_of::<T>() as u32,
        )
    };
    (result == 0).then_some(value)
}
