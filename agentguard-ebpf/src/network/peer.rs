//! Whether the peer on loopback is a process of the same agent.

use agentguard_common::{decision::Endpoint, protocol::Protocol};
use aya_ebpf::{
    bindings::{BPF_F_CURRENT_NETNS, bpf_sock},
    cty::c_void,
    helpers::generated::{
        bpf_sk_lookup_tcp, bpf_sk_lookup_udp, bpf_sk_release, bpf_skc_to_tcp_sock,
    },
};

use super::{
    cache::Cache,
    context::{Local, words},
};
use crate::{identity, kernel};

/// How a program finds the peer.
pub trait Peer {
    /// Whether the socket that a packet to `destination` would reach is one of the same agent.
    fn same_agent(&self, destination: &Endpoint) -> bool;
}

/// Nobody: binding needs no peer.
pub struct NoPeer;

impl Peer for NoPeer {
    #[inline(always)]
    fn same_agent(&self, _: &Endpoint) -> bool {
        false
    }
}

/// The socket at the other end of what `context` sends.
pub struct Socket {
    /// The program's context.
    pub context: *mut c_void,
    /// The agent's slot.
    pub agent: u32,
    /// The sender's own end.
    pub local: Local,
}

/// Looks the peer up as the kernel would deliver to it: in the context's network namespace, by
/// addresses and ports. A sender on loopback that has no address yet will have the destination's.
#[inline(never)]
pub fn owned_by(context: *mut c_void, agent: u32, local: &Endpoint, to: &Endpoint) -> bool {
    let local = Local {
        address: local.address,
        port: local.port,
    };
    // `struct bpf_sock_tuple`, word by word: both addresses, then both ports. Network byte order.
    let mut tuple = [0_u32; 9];
    let from = if local.is_unspecified() {
        to.address
    } else {
        local.address
    };
    let ports = u32::from(local.port.to_be()) | u32::from(to.port.to_be()) << 16;
    let size = match (from.v4(), to.address.v4()) {
        (Some(from), Some(to)) => {
            tuple[0] = from.to_be();
            tuple[1] = to.to_be();
            tuple[2] = ports;
            IPV4_TUPLE
        }
        (None, None) => {
            [tuple[0], tuple[1], tuple[2], tuple[3]] = words(from);
            [tuple[4], tuple[5], tuple[6], tuple[7]] = words(to.address);
            tuple[8] = ports;
            IPV6_TUPLE
        }
        _ => return false,
    };
    let tuple = (&raw mut tuple).cast();
    match to.protocol {
        Protocol::Tcp => {
            // SAFETY: the tuple has `size` bytes; the socket is released below.
            let peer = unsafe { bpf_sk_lookup_tcp(context, tuple, size, NETNS, 0) };
            is_agents(peer, agent, of_stream)
        }
        Protocol::Udp => {
            // SAFETY: as above.
            let peer = unsafe { bpf_sk_lookup_udp(context, tuple, size, NETNS, 0) };
            is_agents(peer, agent, of_datagrams)
        }
        Protocol::Icmp => false,
    }
}

/// The network namespace of the context's socket.
const NETNS: u64 = BPF_F_CURRENT_NETNS as u64;
/// Bytes of a tuple of each family.
const IPV4_TUPLE: u32 = 12;
const IPV6_TUPLE: u32 = 36;

#[inline(always)]
fn is_agents(
    peer: *mut bpf_sock,
    agent: u32,
    owner: impl Fn(*mut bpf_sock) -> Option<u32>,
) -> bool {
    if peer.is_null() {
        return false;
    }
    let same = owner(peer) == Some(agent);
    // SAFETY: the look-up took a reference, which is given back once.
    unsafe { bpf_sk_release(peer.cast()) };
    same
}

/// Whose a TCP socket is: that of the cgroup that it was made in, or its listener.
#[inline(always)]
fn of_stream(peer: *mut bpf_sock) -> Option<u32> {
    // SAFETY: the caller holds a reference (Linux 5.9).
    let socket = unsafe { bpf_skc_to_tcp_sock(peer.cast()) };
    if socket.is_null() {
        return None;
    }
    identity::of(kernel::Socket::new(socket.cast()).cgroup()).map(|tag| tag.agent)
}

/// Whose a UDP socket is, which no helper leads to the cgroup of.
#[inline(always)]
fn of_datagrams(peer: *mut bpf_sock) -> Option<u32> {
    Cache::of(peer.cast()).and_then(Cache::owner)
}
