//! Protocols other than TCP and UDP.

use std::net::SocketAddr;

use super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
};
use crate::sys::{self, SockAddr};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("sctp", sctp),
    ("sctp-connectx", sctp_connectx),
    ("sctp-sendto", sctp_sendto),
    ("udplite", udplite),
    ("dccp", dccp),
    ("l2tp", l2tp),
    ("icmp", icmp),
    ("icmp-connect", icmp_connect),
    ("raw-udp", raw_udp),
    ("raw-header", raw_header),
    ("raw-protocol", raw_protocol),
];

/// `SCTP_SOCKOPT_CONNECTX` of linux/sctp.h.
const SCTP_SOCKOPT_CONNECTX: i32 = 110;
/// `SOCK_DCCP` of linux/net.h.
const SOCK_DCCP: i32 = 6;
/// `IPPROTO_L2TP` of linux/in.h.
const IPPROTO_L2TP: i32 = 115;
/// An experimental protocol number (RFC 3692).
const EXPERIMENTAL: i32 = 253;

fn sctp(report: &mut Report, arguments: &Arguments) -> Step {
    connect(report, arguments, libc::SOCK_STREAM, libc::IPPROTO_SCTP)
}

fn sctp_connectx(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let made = sys::socket(family(to), libc::SOCK_STREAM, libc::IPPROTO_SCTP);
    let socket = report.step("socket", made)?;
    let SocketAddr::V4(v4) = to else {
        return Err(crate::error::Error::Failed("an IPv4 address is needed".into()).into());
    };
    let family = libc::sa_family_t::try_from(libc::AF_INET).map_err(std::io::Error::other)?;
    let mut bytes = family.to_ne_bytes().to_vec();
    bytes.extend(v4.port().to_be_bytes());
    bytes.extend(v4.ip().octets());
    bytes.resize(16, 0);
    // The call waits for an association that nobody answers; the packet is what counts.
    sys::timeouts(&socket, std::time::Duration::from_millis(300))?;
    let option = sys::setsockopt(&socket, libc::IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, &bytes);
    report.step("setsockopt", answered(option))
}

/// SEQPACKET: the first message connects.
fn sctp_sendto(report: &mut Report, arguments: &Arguments) -> Step {
    send(report, arguments, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP)
}

fn udplite(report: &mut Report, arguments: &Arguments) -> Step {
    send(report, arguments, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE)
}

fn dccp(report: &mut Report, arguments: &Arguments) -> Step {
    connect(report, arguments, SOCK_DCCP, libc::IPPROTO_DCCP)
}

fn l2tp(report: &mut Report, arguments: &Arguments) -> Step {
    /// `struct sockaddr_l2tpip` of linux/l2tp.h.
    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Address {
        family: u16,
        unused: u16,
        host: [u8; 4],
        connection: u32,
        padding: [u8; 4],
    }
    let SocketAddr::V4(to) = arguments.internet(0)? else {
        return Err(crate::error::Error::Failed("an IPv4 address is needed".into()).into());
    };
    let address = SockAddr::from_structure(Address {
        family: 0,
        unused: 0,
        host: to.ip().octets(),
        connection: 1,
        padding: [0; 4],
    })
    .with_family(libc::AF_INET);
    let made = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, IPPROTO_L2TP);
    let socket = report.step("socket", made)?;
    report
        .step("sendto", sys::send_to(&socket, b"ping", 0, Some(&address)))
        .map(drop)
}

/// An echo request through a socket that needs no privilege.
fn icmp(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = report.step("socket", ping_socket(to))?;
    let request = echo_request(to);
    report
        .step(
            "sendto",
            sys::send_to(&socket, &request, 0, Some(&to.into())),
        )
        .map(drop)
}

fn icmp_connect(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = report.step("socket", ping_socket(to))?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    report
        .step("send", sys::send_to(&socket, &echo_request(to), 0, None))
        .map(drop)
}

fn ping_socket(to: SocketAddr) -> std::io::Result<std::os::fd::OwnedFd> {
    let protocol = if to.is_ipv4() {
        libc::IPPROTO_ICMP
    } else {
        libc::IPPROTO_ICMPV6
    };
    sys::socket(family(to), libc::SOCK_DGRAM, protocol)
}

/// The kernel fills in identifier and checksum.
fn echo_request(to: SocketAddr) -> [u8; 16] {
    let mut request = [0; 16];
    request[0] = if to.is_ipv4() { 8 } else { 128 };
    request[7] = 1;
    request[8..].copy_from_slice(b"smuggled");
    request
}

/// A UDP header of its own.
fn raw_udp(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let made = sys::socket(family(to), libc::SOCK_RAW, libc::IPPROTO_UDP);
    let socket = report.step("socket", made)?;
    let address = SockAddr::from(SocketAddr::new(to.ip(), 0));
    report
        .step(
            "sendto",
            sys::send_to(&socket, &udp_packet(to), 0, Some(&address)),
        )
        .map(drop)
}

/// An IP header of its own, with another's source address.
fn raw_header(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let SocketAddr::V4(v4) = to else {
        return Err(crate::error::Error::Failed("an IPv4 address is needed".into()).into());
    };
    let made = sys::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW);
    let socket = report.step("socket", made)?;
    let mut packet = vec![0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 77, 0, 99];
    packet.extend(v4.ip().octets());
    packet.extend(udp_packet(to));
    report
        .step(
            "sendto",
            sys::send_to(&socket, &packet, 0, Some(&to.into())),
        )
        .map(drop)
}

/// A protocol that nobody knows.
fn raw_protocol(report: &mut Report, arguments: &Arguments) -> Step {
    send(report, arguments, libc::SOCK_RAW, EXPERIMENTAL)
}

/// Twelve bytes: a header without checksum, and `ping`.
pub(super) fn udp_packet(to: SocketAddr) -> [u8; 12] {
    let mut packet = [0; 12];
    packet[..2].copy_from_slice(&40_000_u16.to_be_bytes());
    packet[2..4].copy_from_slice(&to.port().to_be_bytes());
    packet[5] = 12;
    packet[8..].copy_from_slice(b"ping");
    packet
}

fn connect(report: &mut Report, arguments: &Arguments, kind: i32, protocol: i32) -> Step {
    let to = arguments.internet(0)?;
    let socket = report.step("socket", sys::socket(family(to), kind, protocol))?;
    sys::timeouts(&socket, std::time::Duration::from_millis(300))?;
    report.step("connect", answered(sys::connect(&socket, &to.into())))
}

fn send(report: &mut Report, arguments: &Arguments, kind: i32, protocol: i32) -> Step {
    let to = arguments.internet(0)?;
    let socket = report.step("socket", sys::socket(family(to), kind, protocol))?;
    sys::timeouts(&socket, std::time::Duration::from_millis(300))?;
    let port = if kind == libc::SOCK_RAW { 0 } else { to.port() };
    let address = SockAddr::from(SocketAddr::new(to.ip(), port));
    report
        .step("sendto", sys::send_to(&socket, b"ping", 0, Some(&address)))
        .map(drop)
}

/// Nobody at the far side speaks these protocols: a refusal from there, or none at all, shows that
/// the packet was let out. Whether it was is counted on the wire.
pub(super) fn answered(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error)
            if matches!(
                error.raw_os_error(),
                Some(libc::ECONNREFUSED | libc::EINPROGRESS | libc::EAGAIN | libc::ETIMEDOUT)
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}
