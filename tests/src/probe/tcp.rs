//! Connections.

use std::{net::SocketAddr, os::fd::OwnedFd, time::Duration};

use super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
};
use crate::sys::{self, SockAddr};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("tcp", connect),
    ("tcp-mapped", connect_mapped),
    ("tcp-fastopen", fast_open),
    ("tcp-fastopen-connect", fast_open_connect),
    ("mptcp", mptcp),
    ("mptcp-fastopen", mptcp_fast_open),
    ("mptcp-subflow", mptcp_subflow),
    ("tcp-to-device", to_device),
    ("tcp-options", with_options),
];

/// How long a connection may take: longer than a retransmission.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// `TCP_FASTOPEN_CONNECT` of linux/tcp.h.
const TCP_FASTOPEN_CONNECT: i32 = 30;

/// `socket`, `connect`, a question and its answer.
fn connect(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, 0)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

/// To an IPv4 address through an IPv6 socket.
fn connect_mapped(report: &mut Report, arguments: &Arguments) -> Step {
    let to = mapped(arguments.internet(0)?);
    let socket = stream(report, to, 0)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

/// Data in the first packet, without `connect`.
fn fast_open(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, 0)?;
    send_first(report, &socket, &to.into())
}

/// `connect` answers at once, the first write connects.
fn fast_open_connect(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, 0)?;
    let option = sys::set_flag(&socket, libc::IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    report.step("setsockopt", option)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

fn mptcp(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, libc::IPPROTO_MPTCP)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

fn mptcp_fast_open(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, libc::IPPROTO_MPTCP)?;
    send_first(report, &socket, &to.into())
}

/// To an allowed peer that announces another address: the kernel goes there on its own.
fn mptcp_subflow(report: &mut Report, arguments: &Arguments) -> Step {
    mptcp(report, arguments)?;
    let to = arguments.internet(0)?;
    let socket = stream(report, to, libc::IPPROTO_MPTCP)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    for _ in 0..10 {
        exchange(report, &socket)?;
        std::thread::sleep(Duration::from_millis(30));
    }
    Ok(())
}

/// The interface is chosen by hand.
fn to_device(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, 0)?;
    let device = arguments.text(1)?.as_bytes();
    let option = sys::setsockopt(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device);
    report.step("setsockopt", option)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

/// The network headers have options.
fn with_options(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = stream(report, to, 0)?;
    super::udp::add_options(report, &socket, to)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    exchange(report, &socket)
}

/// `::ffff:a.b.c.d`.
pub(super) fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
        SocketAddr::V6(_) => address,
    }
}

fn stream(report: &mut Report, to: SocketAddr, protocol: i32) -> Step<OwnedFd> {
    let made = sys::socket(family(to), libc::SOCK_STREAM, protocol);
    let socket = report.step("socket", made)?;
    sys::timeouts(&socket, PATIENCE)?;
    Ok(socket)
}

fn send_first(report: &mut Report, socket: &OwnedFd, to: &SockAddr) -> Step {
    report.step(
        "sendto",
        sys::send_to(socket, b"ping", libc::MSG_FASTOPEN, Some(to)),
    )?;
    receive(report, socket)
}

/// A question and its answer.
pub(super) fn exchange(report: &mut Report, socket: &OwnedFd) -> Step {
    report.step("send", sys::send_to(socket, b"ping", 0, None))?;
    receive(report, socket)
}

fn receive(report: &mut Report, socket: &OwnedFd) -> Step {
    let mut answer = [0; 16];
    let answer = sys::recv(socket, &mut answer).and_then(|len| match len {
        0 => Err(std::io::Error::from_raw_os_error(libc::ECONNRESET)),
        _ => Ok(()),
    });
    report.step("recv", answer)
}
