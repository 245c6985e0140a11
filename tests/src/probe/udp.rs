//! Datagrams.

use std::{net::SocketAddr, os::fd::OwnedFd, time::Duration};

use super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
    tcp::{exchange, mapped},
};
use crate::sys::{self, SockAddr};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("udp", send_to),
    ("udp-mapped", send_to_mapped),
    ("udp-sendmsg", sendmsg),
    ("udp-sendmmsg", sendmmsg),
    ("udp-connect", connect),
    ("udp-connected-elsewhere", elsewhere),
    ("udp-reconnect", reconnect),
    ("udp-unspecified-family", unspecified_family),
    ("udp-exchange", exchange_once),
    ("udp-cork", cork),
    ("udp-options", with_options),
    ("udp-source-route", source_route),
    ("udp6-v4-destination", v4_through_v6),
];

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

fn send_to(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    ping(report, to)
}

/// To an IPv4 address through an IPv6 socket.
fn send_to_mapped(report: &mut Report, arguments: &Arguments) -> Step {
    let to = mapped(arguments.internet(0)?);
    ping(report, to)
}

/// A `sockaddr_in` given to an IPv6 socket.
fn v4_through_v6(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.address(0)?;
    let made = sys::socket(libc::AF_INET6, libc::SOCK_DGRAM, 0);
    let socket = report.step("socket", made)?;
    report
        .step("sendto", sys::send_to(&socket, b"ping", 0, Some(&to)))
        .map(drop)
}

fn sendmsg(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = datagram(report, to)?;
    report
        .step("sendmsg", sys::sendmsg(&socket, b"ping", 0, &to.into()))
        .map(drop)
}

/// One call, first an allowed destination, then another.
fn sendmmsg(report: &mut Report, arguments: &Arguments) -> Step {
    let (first, second) = (arguments.internet(0)?, arguments.internet(1)?);
    let socket = datagram(report, first)?;
    let sent = sys::sendmmsg(&socket, b"ping", &[first.into(), second.into()]);
    let sent = report.step("sendmmsg", sent)?;
    report.fact("sent", sent);
    if sent < 2 {
        // The kernel tells the error of the second datagram only when it is the first.
        report.step(
            "sendmmsg-rest",
            sys::sendmmsg(&socket, b"ping", &[second.into()]),
        )?;
    }
    Ok(())
}

fn connect(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = datagram(report, to)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    report
        .step("send", sys::send_to(&socket, b"ping", 0, None))
        .map(drop)
}

/// Connected to one address, sending to another.
fn elsewhere(report: &mut Report, arguments: &Arguments) -> Step {
    let (first, second) = (arguments.internet(0)?, arguments.internet(1)?);
    let socket = datagram(report, first)?;
    report.step("connect", sys::connect(&socket, &first.into()))?;
    ping_from(report, &socket, second)
}

/// Connected to one address, then dissolved and connected to another.
fn reconnect(report: &mut Report, arguments: &Arguments) -> Step {
    let (first, second) = (arguments.internet(0)?, arguments.internet(1)?);
    let socket = datagram(report, first)?;
    report.step("connect", sys::connect(&socket, &first.into()))?;
    report.step(
        "dissolve",
        sys::connect(&socket, &SockAddr::unspecified_family()),
    )?;
    report.step("connect-again", sys::connect(&socket, &second.into()))?;
    report
        .step("send", sys::send_to(&socket, b"ping", 0, None))
        .map(drop)
}

/// The address says that it is of no family; the kernel takes it for an IPv4 one.
fn unspecified_family(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = datagram(report, to)?;
    let address = SockAddr::from(to).with_family(libc::AF_UNSPEC);
    report
        .step("sendto", sys::send_to(&socket, b"ping", 0, Some(&address)))
        .map(drop)
}

/// A question and its answer.
fn exchange_once(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = datagram(report, to)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

/// A question and its answer, in packets whose network header has options.
fn with_options(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = datagram(report, to)?;
    add_options(report, &socket, to)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

/// Options that do nothing, which move what comes after them: `TO` says of which family.
pub(super) fn add_options(report: &mut Report, socket: &OwnedFd, to: SocketAddr) -> Step {
    let options: &[(i32, i32, &[u8])] = if to.is_ipv4() {
        // Eight times "no operation".
        &[(libc::IPPROTO_IP, libc::IP_OPTIONS, &[1; 8])]
    } else {
        // Extension headers of eight and of sixteen bytes: padding, and an option that is skipped
        // (RFC 4727, section 3.5).
        &[
            (libc::IPPROTO_IPV6, libc::IPV6_HOPOPTS, &PADDING),
            (libc::IPPROTO_IPV6, libc::IPV6_DSTOPTS, &EXPERIMENT),
        ]
    };
    for (level, name, value) in options {
        report.step("setsockopt", sys::setsockopt(socket, *level, *name, value))?;
    }
    Ok(())
}

const PADDING: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];
const EXPERIMENT: [u8; 16] = [0, 1, 0x1e, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// By way of another host, which the packets are then addressed to: `udp-source-route TO BY`.
fn source_route(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, by) = (arguments.internet(0)?, arguments.internet(1)?);
    let socket = datagram(report, to)?;
    if let SocketAddr::V4(by) = by {
        // "Loose source route" (RFC 791, section 3.1) of one host, and the end of the list.
        let [a, b, c, d] = by.ip().octets();
        let route = [131, 7, 4, a, b, c, d, 0];
        let option = sys::setsockopt(&socket, libc::IPPROTO_IP, libc::IP_OPTIONS, &route);
        report.step("setsockopt", option)?;
    }
    report.step("connect", sys::connect(&socket, &to.into()))?;
    report
        .step("send", sys::send_to(&socket, b"ping", 0, None))
        .map(drop)
}

/// A datagram begun with an allowed destination and continued with another.
fn cork(report: &mut Report, arguments: &Arguments) -> Step {
    let (first, second) = (arguments.internet(0)?, arguments.internet(1)?);
    let socket = datagram(report, second)?;
    report.step(
        "sendto",
        sys::send_to(&socket, b"pi", libc::MSG_MORE, Some(&second.into())),
    )?;
    report
        .step(
            "sendto-more",
            sys::send_to(&socket, b"ng", 0, Some(&first.into())),
        )
        .map(drop)
}

/// One datagram from a new socket.
pub(super) fn ping(report: &mut Report, to: SocketAddr) -> Step {
    let socket = datagram(report, to)?;
    ping_from(report, &socket, to)
}

/// One datagram.
pub(super) fn ping_from(report: &mut Report, socket: &OwnedFd, to: SocketAddr) -> Step {
    let sent = sys::send_to(socket, b"ping", 0, Some(&to.into()));
    report.step("sendto", sent).map(drop)
}

pub(super) fn datagram(report: &mut Report, to: SocketAddr) -> Step<OwnedFd> {
    let socket = report.step("socket", sys::socket(family(to), libc::SOCK_DGRAM, 0))?;
    sys::timeouts(&socket, PATIENCE)?;
    Ok(socket)
}
