//! What really arrived: every packet that an interface received, counted by destination.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::NetNs;
use crate::{
    error::{Context, Outcome},
    sys::{self, SockAddr},
};

/// Where a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// Destination address, as it was on the wire.
    pub to: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port; 0 where there is none.
    pub port: u16,
    /// Of TCP: its flags.
    pub flags: u8,
}

impl Arrival {
    /// Whether a connection is reset. The kernel does so when it is answered late: what was sent before is still
    /// on its way then, or has been sent by nobody.
    pub fn is_reset(&self) -> bool {
        /// `RST` of RFC 9293.
        const RESET: u8 = 4;
        i32::from(self.protocol) == libc::IPPROTO_TCP && self.flags & RESET != 0
    }
}

type Counts = Arc<Mutex<HashMap<Arrival, u64>>>;

/// Counts the packets that an interface receives. It sees every protocol, whether or not anybody
/// at the far side listens.
#[derive(Debug)]
pub struct Sniffer {
    socket: Arc<OwnedFd>,
    counts: Counts,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Memory for packets that wait to be counted.
const BUFFER: i32 = 128 << 20;
/// `PACKET_STATISTICS` of `linux/if_packet.h`.
const PACKET_STATISTICS: i32 = 6;
/// `PACKET_OUTGOING` of `linux/if_packet.h`.
pub const PACKET_OUTGOING: u8 = 4;

impl Sniffer {
    /// Begins to count on an interface of a namespace.
    pub fn start(inside: &NetNs, interface: &str) -> Outcome<Self> {
        let socket =
            Arc::new(inside.run(|| packet_socket(interface).context("open a packet socket"))?);
        let (counts, stop) = (Counts::default(), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (socket, counts, stop) = (socket.clone(), counts.clone(), stop.clone());
            thread::spawn(move || count(&socket, &counts, &stop))
        };
        Ok(Self {
            socket,
            counts,
            stop,
            thread: Some(thread),
        })
    }

    /// How many packets that fulfil a condition were counted.
    pub fn count(&self, wanted: impl Fn(&Arrival) -> bool) -> u64 {
        self.seen(wanted).values().sum()
    }

    /// What was counted and fulfils a condition.
    pub fn seen(&self, wanted: impl Fn(&Arrival) -> bool) -> HashMap<Arrival, u64> {
        let counts = self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        counts
            .iter()
            .filter(|(arrival, _)| wanted(arrival))
            .map(|(arrival, count)| (*arrival, *count))
            .collect()
    }

    /// How many packets the kernel had no room for since the last question. Counts are the truth
    /// only if it is zero.
    pub fn missed(&self) -> Outcome<u32> {
        /// `struct tpacket_stats`.
        #[derive(Clone, Copy)]
        #[repr(C)]
        struct Statistics {
            packets: u32,
            drops: u32,
        }
        let seen: Statistics = sys::getsockopt(&*self.socket, libc::SOL_PACKET, PACKET_STATISTICS)
            .context("read the packet socket's statistics")?;
        debug_assert!(seen.packets >= seen.drops);
        Ok(seen.drops)
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the thread that counts packets panicked");
        }
    }
}

/// A socket that receives every packet of an interface, from its network header on, and waits a moment for each.
pub fn packet_socket(interface: &str) -> std::io::Result<OwnedFd> {
    let every = u16::try_from(libc::ETH_P_ALL)
        .map_err(std::io::Error::other)?
        .to_be();
    // Protocol 0: nothing is received before the socket is bound to the one interface.
    let socket = sys::socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0)?;
    sys::set_flag(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, BUFFER)?;
    sys::timeouts(&socket, Duration::from_millis(50))?;
    // SAFETY: all-zero bytes are a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_protocol = every;
    address.sll_ifindex = sys::index_of(interface)?.cast_signed();
    let address = SockAddr::from_structure(address).with_family(libc::AF_PACKET);
    sys::bind(&socket, &address)?;
    Ok(socket)
}

fn count(socket: &impl AsFd, counts: &Counts, stop: &AtomicBool) {
    let mut packet = [0; 256];
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = sys::recv_from(socket, &mut packet) else {
            continue;
        };
        if from.packet_type() == Some(PACKET_OUTGOING) {
            continue;
        }
        if let Some(arrival) = parse(&packet[..len.min(packet.len())]) {
            let mut counts = counts
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *counts.entry(arrival).or_default() += 1;
        }
    }
}

/// The destination of a packet; nothing for what is not IP, and for neighbour discovery, which
/// the kernel does on its own.
fn parse(packet: &[u8]) -> Option<Arrival> {
    let (to, protocol, payload) = match packet.first()? >> 4 {
        4 => {
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let header = usize::from(packet[0] & 15) * 4;
            (
                IpAddr::V4(Ipv4Addr::from(to)),
                *packet.get(9)?,
                packet.get(header..)?,
            )
        }
        6 => {
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            let (protocol, payload) = skip_extensions(*packet.get(6)?, packet.get(40..)?)?;
            (IpAddr::V6(Ipv6Addr::from(to)), protocol, payload)
        }
        _ => return None,
    };
    let kind = payload.first().copied().unwrap_or_default();
    if i32::from(protocol) == libc::IPPROTO_ICMPV6 && (130..=143).contains(&kind) {
        return None;
    }
    let has_ports = [libc::IPPROTO_TCP, libc::IPPROTO_UDP].contains(&i32::from(protocol));
    let port = match payload.get(2..4) {
        Some(bytes) if has_ports => u16::from_be_bytes([bytes[0], bytes[1]]),
        _ => 0,
    };
    let is_tcp = i32::from(protocol) == libc::IPPROTO_TCP;
    let flags = payload.get(13).filter(|_| is_tcp).copied();
    Some(Arrival {
        to,
        protocol,
        port,
        flags: flags.unwrap_or_default(),
    })
}

/// Steps over IPv6 extension headers.
fn skip_extensions(mut next: u8, mut rest: &[u8]) -> Option<(u8, &[u8])> {
    while [
        libc::IPPROTO_HOPOPTS,
        libc::IPPROTO_ROUTING,
        libc::IPPROTO_DSTOPTS,
    ]
    .contains(&i32::from(next))
    {
        let len = (usize::from(*rest.get(1)?) + 1) * 8;
        next = *rest.first()?;
        rest = rest.get(len..)?;
    }
    Some((next, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_counted_by_its_destination() {
        let mut packet = vec![0; 28];
        packet[0] = 0x45;
        packet[9] = 17;
        packet[16..20].copy_from_slice(&[10, 77, 0, 3]);
        packet[22..24].copy_from_slice(&7001_u16.to_be_bytes());
        let arrival = parse(&packet).unwrap();
        assert_eq!(
            (arrival.to.to_string(), arrival.port),
            ("10.77.0.3".into(), 7001)
        );
    }

    #[test]
    fn a_reset_is_told_from_what_begins_a_connection() {
        let mut packet = vec![0; 40];
        packet[0] = 0x45;
        packet[9] = 6;
        packet[33] = 2;
        assert!(!parse(&packet).unwrap().is_reset());
        packet[33] = 0x14;
        assert!(parse(&packet).unwrap().is_reset());
        packet[9] = 17;
        assert!(!parse(&packet).unwrap().is_reset());
    }

    #[test]
    fn neighbour_discovery_is_not_an_arrival() {
        let mut packet = vec![0; 48];
        packet[0] = 0x60;
        packet[6] = 58;
        packet[40] = 135;
        assert_eq!(parse(&packet), None);
        packet[40] = 128;
        assert_eq!(parse(&packet).unwrap().protocol, 58);
    }
}
