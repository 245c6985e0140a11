//! A packet leaves an agent's socket.
//!
//! The calls have been decided already, so almost every packet goes where the scope is known to
//! permit it. The hook is the backstop for what no call sees: routing headers, answers to peers,
//! and connections that are open when a scope is tightened.

use core::ptr;

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint, Reason, Verdict, decide_answer},
    event::Operation,
    protocol::Protocol,
    scope::ScopeWord,
};
use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    cty::c_void,
    helpers::generated::{bpf_probe_read_kernel, bpf_sk_fullsock, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};

use super::{
    answer,
    cache::Cache,
    context::{Local, v6},
    peer::Socket,
    permitted,
    scope::{Scope, word},
};
use crate::{
    events::{Attempt, repeat, settle},
    identity::{self, Owner},
};

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u32 = 1;
/// `TCP_LISTEN`.
const LISTEN: u32 = 10;
/// `SOCK_RAW`.
const SOCK_RAW: u32 = 3;

#[cgroup_skb(egress)]
pub fn egress(ctx: SkBuffContext) -> i32 {
    answer(packet(ctx.skb.skb))
}

#[inline(always)]
fn packet(skb: *mut __sk_buff) -> bool {
    let Some(owner) = identity::sender(skb) else {
        return true;
    };
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
        return refuse_unknown(&owner);
    }
    let word = word(owner.tag.agent);
    let to = destination(skb, sk);
    // SAFETY: the pointer is valid.
    let state = unsafe { (*sk).state };
    if state != LISTEN
        && let Some(to) = &to
        && permitted::is_known(word, to)
    {
        return true;
    }
    decide(skb, sk, &owner, word, to.as_ref())
}

/// Decides on a packet that the scope is not known to permit, and records it.
#[inline(always)]
fn decide(
    skb: *mut __sk_buff,
    sk: *mut bpf_sock,
    owner: &Owner,
    word: ScopeWord,
    to: Option<&Endpoint>,
) -> bool {
    let verdict = match to {
        None => Verdict::ERROR,
        Some(to) => match judge(skb, sk, owner, word, to) {
            Judgement::Known(Action::Permit | Action::Observe) => return true,
            Judgement::Known(Action::Refuse) => {
                repeat(owner.tag.agent);
                return false;
            }
            Judgement::New(verdict) => verdict,
        },
    };
    // SAFETY: the pointer is valid; fields are copied.
    let (family, socket_type, protocol) = unsafe {
        (
            (*sk).family as u16,
            (*sk).type_ as u16,
            (*sk).protocol as u16,
        )
    };
    let attempt = Attempt {
        tag: owner.tag,
        word,
        cgroup: owner.cgroup,
        operation: Operation::Packet,
        address: to.map_or(Address::MIN, |to| to.address),
        port: to.map_or(0, |to| to.port),
        family,
        socket_type,
        protocol,
    };
    settle(&attempt, verdict)
}

/// What is known of a packet, and recorded.
enum Judgement {
    /// The socket's last verdict holds.
    Known(Action),
    /// This is the first of its kind.
    New(Verdict),
}

/// What a packet is judged by.
#[derive(Clone, Copy)]
struct Packet {
    to: Endpoint,
    local: Endpoint,
    is_answer: bool,
    is_connected: bool,
}

/// Makes the verifier forget how it came to a packet: otherwise it follows every way that leads to
/// the decision to its end. It knows nothing of what a helper writes, be it what was there.
#[inline(always)]
fn forget(packet: &mut Packet) -> bool {
    let packet: *mut c_void = ptr::from_mut(packet).cast();
    // SAFETY: the place has the size of a packet (Linux 5.5).
    unsafe { bpf_probe_read_kernel(packet, size_of::<Packet>() as u32, packet) == 0 }
}

#[inline(always)]
fn judge(
    skb: *mut __sk_buff,
    sk: *mut bpf_sock,
    owner: &Owner,
    word: ScopeWord,
    to: &Endpoint,
) -> Judgement {
    // SAFETY: the pointer is valid.
    let state = unsafe { (*sk).state };
    // What listens gets its storage here if it was never bound, before anything can be accepted
    // from it: so a stream of which nothing is noted was connected.
    let stored = if state == LISTEN {
        match Cache::make(sk.cast()) {
            Some(cache) => {
                cache.set_answering(true);
                Some(cache)
            }
            None => return Judgement::New(Verdict::ERROR),
        }
    } else {
        Cache::of(sk.cast())
    };
    if let Some(action) = stored.and_then(|cache| cache.verdict(word, to)) {
        return Judgement::Known(action);
    }
    // UDP has no connections: an answer cannot be told from a question.
    let is_stream = matches!(to.protocol, Protocol::Tcp);
    let is_answer = is_stream && stored.is_some_and(Cache::is_answering);
    let local = Local::of(sk);
    let mut packet = Packet {
        to: *to,
        local: Endpoint {
            address: local.address,
            protocol: to.protocol,
            // Without a port it is no answer.
            port: if is_answer { local.port } else { 0 },
        },
        is_answer,
        is_connected: is_stream && state == ESTABLISHED,
    };
    if !forget(&mut packet) {
        return Judgement::New(Verdict::ERROR);
    }
    let peer = Socket {
        context: skb.cast(),
        agent: owner.tag.agent,
        local,
    };
    let verdict = match Scope::open(word, &peer) {
        Some(scope) => decide_answer(&scope, &packet.local, &packet.to),
        None => Verdict::ERROR,
    };
    if !packet.is_answer && verdict.is_permission_of_a_rule() {
        permitted::remember(word, &packet.to);
    } else if (packet.is_connected || !matches!(verdict.reason, Reason::SameAgent))
        // A peer of the same agent is one only as long as the connection is: without one, another
        // process can take its port. Without memory for it the next packet is decided again.
        && let Some(cache) = Cache::make(sk.cast())
    {
        cache.remember(word, &packet.to, verdict.action);
    }
    Judgement::New(verdict)
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
    let words: [u32; 6] = header(skb)?;
    let [first, ..] = words[0].to_ne_bytes();
    let (address, protocol, port) = if first >> 4 == 4 {
        let [_, number, ..] = words[2].to_ne_bytes();
        let protocol = Protocol::from_number(number)?;
        let port = match first & 0xf {
            5 => second_half(words[5]),
            length if protocol.has_ports() => load(skb, u32::from(length) * 4 + 2)?,
            _ => 0,
        };
        (Address::from_v4(u32::from_be(words[4])), protocol, port)
    } else {
        let words: [u32; 11] = header(skb)?;
        let [_, _, next, _] = words[1].to_ne_bytes();
        let address = v6(words[6], words[7], words[8], words[9]);
        if let Some(protocol) = Protocol::from_number(next) {
            (address, protocol, second_half(words[10]))
        } else {
            let (number, offset) = upper_layer(skb, next)?;
            let protocol = Protocol::from_number(number)?;
            let port = if protocol.has_ports() {
                load(skb, offset + 2)?
            } else {
                0
            };
            (address, protocol, port)
        }
    };
    let port = if protocol.has_ports() {
        u16::from_be(port)
    } else {
        0
    };
    Some(Endpoint {
        address: address.destination(),
        protocol,
        port,
    })
}

/// The last two of four bytes, in the order that they have: the destination port of a header that
/// begins with both ports.
#[inline(always)]
const fn second_half(word: u32) -> u16 {
    let [_, _, a, b] = word.to_ne_bytes();
    u16::from_ne_bytes([a, b])
}

/// Reads the beginning of the packet, from the start of its network header: in place if it is
/// there, for a call costs as much as the look-up of the verdict.
#[inline(always)]
fn header<T: Copy + Default>(skb: *mut __sk_buff) -> Option<T> {
    // SAFETY: the context is valid.
    let (start, end) = unsafe { ((*skb).data as usize, (*skb).data_end as usize) };
    if start + size_of::<T>() <= end {
        // SAFETY: so many bytes are there, and every bit pattern is a value.
        return Some(unsafe { (start as *const T).read_unaligned() });
    }
    load(skb, 0)
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
