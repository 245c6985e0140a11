//! What a TCP packet carries.

use agentguard_common::tls::Bytes;
use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::bpf_tcp_sock,
};

use super::packet::{load, upper_layer};

/// The flag that some of the bytes are urgent, in the byte of the flags.
const URGENT: u8 = 1 << 5;
/// The most that is acknowledged of a stream of which no byte is: its beginning (`SYN`).
const BEGINNING: u64 = 1;

/// The bytes behind a packet's TCP header.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Payload {
    skb: *mut __sk_buff,
    start: u32,
    length: u32,
    sequence: u32,
    urgent: u32,
}

impl Payload {
    /// Of a TCP packet. `None` if its headers cannot be read.
    #[inline(always)]
    pub fn of(skb: *mut __sk_buff) -> Option<Self> {
        let first: u8 = load(skb, 0)?;
        let header = if first >> 4 == 4 {
            u32::from(first & 0xf) * 4
        } else {
            let (_, offset) = upper_layer(skb, load(skb, 6)?)?;
            offset
        };
        // Ports, sequence and acknowledgement numbers; then the header's length, and the flags.
        let [_, sequence, _, more]: [u32; 4] = load(skb, header)?;
        let [words, flags, ..] = more.to_ne_bytes();
        let start = header + u32::from(words >> 4) * 4;
        // SAFETY: the context is valid.
        let length = unsafe { (*skb).len }.checked_sub(start)?;
        Some(Self {
            skb,
            start,
            length,
            sequence: u32::from_be(sequence),
            urgent: u32::from(flags & URGENT),
        })
    }

    /// Whether there are no bytes.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether some of the bytes are urgent: the receiver takes those out of the stream (RFC 6093).
    #[inline(always)]
    pub const fn is_urgent(&self) -> bool {
        self.urgent != 0
    }

    /// Whether these are the first bytes of the socket's stream, which none before them can have followed: nothing of
    /// it is acknowledged, and they are the first that are not.
    #[inline(always)]
    pub fn begins(&self, sk: *mut bpf_sock) -> bool {
        // SAFETY: the pointer is valid; the verifier checks the one that is returned (Linux 5.1).
        unsafe {
            let tcp = bpf_tcp_sock(sk);
            !tcp.is_null() && (*tcp).bytes_acked <= BEGINNING && (*tcp).snd_una == self.sequence
        }
    }

    /// Where its byte `at` is in the packet.
    #[inline(always)]
    pub const fn offset(&self, at: u32) -> u32 {
        self.start + at
    }
}

impl Bytes for Payload {
    #[inline(always)]
    fn u8(&self, at: u32) -> Option<u8> {
        load(self.skb, self.offset(at))
    }

    #[inline(always)]
    fn u16(&self, at: u32) -> Option<u16> {
        Some(u16::from_be(load(self.skb, self.offset(at))?))
    }

    #[inline(always)]
    fn u32(&self, at: u32) -> Option<u32> {
        Some(u32::from_be(load(self.skb, self.offset(at))?))
    }
}
