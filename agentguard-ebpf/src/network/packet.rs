//! Where a packet goes, from its headers.

use agentguard_common::{address::Address, decision::Endpoint, protocol::Protocol};
use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::bpf_skb_load_bytes,
};

use super::context::v6;

/// `SOCK_RAW`.
const SOCK_RAW: u32 = 3;

/// Where the packet goes, from its headers. `None` if that cannot be told, or if no rule can speak
/// of it.
#[inline(always)]
pub fn destination(skb: *mut __sk_buff, sk: *mut bpf_sock) -> Option<Endpoint> {
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

/// Where the packet comes from.
#[inline(always)]
pub fn source(skb: *mut __sk_buff) -> Option<Address> {
    let [first]: [u8; 1] = load(skb, 0)?;
    Some(if first >> 4 == 4 {
        Address::from_v4(u32::from_be(load(skb, 12)?))
    } else {
        let [a, b, c, d]: [u32; 4] = load(skb, 8)?;
        v6(a, b, c, d)
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
pub fn upper_layer(skb: *mut __sk_buff, next: u8) -> Option<(u8, u32)> {
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
pub fn load<T: Copy + Default>(skb: *mut __sk_buff, offset: u32) -> Option<T> {
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
