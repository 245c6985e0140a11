//! Waiting for others to come and pull.

use std::{
    net::SocketAddr,
    os::fd::{FromRawFd, OwnedFd},
    thread,
    time::Duration,
};

use super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
    hold::released,
};
use crate::sys;

pub(super) const TECHNIQUES: &[Technique] = &[
    ("bind", bind),
    ("bind-udp", bind_udp),
    ("listen", listen),
    ("listen-hold", listen_hold),
    ("listen-fastopen", listen_fast_open),
    ("listen-unbound", listen_unbound),
    ("listen-unbound-fastopen", listen_unbound_fast_open),
    ("accept-inherited", accept_inherited),
    ("answer-udp", answer_udp),
    ("loopback-pair", loopback_pair),
    ("loopback-udp-again", loopback_udp_again),
    ("loopback-pending", loopback_pending),
];

/// What a peer would pull.
const SECRET: &[u8] = b"secret";

fn bind(report: &mut Report, arguments: &Arguments) -> Step {
    bound(report, arguments, libc::SOCK_STREAM).map(drop)
}

fn bind_udp(report: &mut Report, arguments: &Arguments) -> Step {
    bound(report, arguments, libc::SOCK_DGRAM).map(drop)
}

/// Gives the secret to whoever connects, until the harness closes standard input.
fn listen(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = bound(report, arguments, libc::SOCK_STREAM)?;
    report.step("listen", sys::listen(&socket))?;
    give_away(report, &socket)
}

/// Gives it to the first peer again and again.
fn listen_hold(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = bound(report, arguments, libc::SOCK_STREAM)?;
    report.step("listen", sys::listen(&socket))?;
    sys::timeouts(&socket, Duration::from_secs(10))?;
    println!("ready {}", sys::local_address(&socket)?.port());
    let peer = report.step("accept", sys::accept(&socket))?;
    while !released() {
        // Whether it arrives is seen where it should.
        drop(sys::send_to(&peer, SECRET, libc::MSG_DONTWAIT, None));
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// As `listen`, and takes data with the first packet of a connection.
fn listen_fast_open(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = bound(report, arguments, libc::SOCK_STREAM)?;
    let option = sys::set_flag(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 16);
    report.step("setsockopt", option)?;
    report.step("listen", sys::listen(&socket))?;
    give_away(report, &socket)
}

/// Without `bind`: the kernel chooses a port.
fn listen_unbound(report: &mut Report, arguments: &Arguments) -> Step {
    let local = arguments.internet(0)?;
    let socket = report.step("socket", sys::socket(family(local), libc::SOCK_STREAM, 0))?;
    report.step("listen", sys::listen(&socket))?;
    give_away(report, &socket)
}

/// Likewise, and takes data with the first packet of a connection.
fn listen_unbound_fast_open(report: &mut Report, arguments: &Arguments) -> Step {
    let local = arguments.internet(0)?;
    let socket = report.step("socket", sys::socket(family(local), libc::SOCK_STREAM, 0))?;
    let option = sys::set_flag(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 16);
    report.step("setsockopt", option)?;
    report.step("listen", sys::listen(&socket))?;
    give_away(report, &socket)
}

/// On a listener that an untagged process made: `accept-inherited FD`.
fn accept_inherited(report: &mut Report, arguments: &Arguments) -> Step {
    let number = arguments.parse(0)?;
    // SAFETY: no pointers; a descriptor that is not open gives EBADF.
    let open = sys::check(unsafe { libc::fcntl(number, libc::F_GETFD) });
    report.step("fcntl", open)?;
    // SAFETY: it is open, the harness passed it to the program, nothing else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    give_away(report, &socket)
}

fn give_away(report: &mut Report, socket: &OwnedFd) -> Step {
    sys::timeouts(socket, Duration::from_millis(20))?;
    println!("ready {}", sys::local_address(socket)?.port());
    let mut accepted = 0_u64;
    while !released() {
        if let Ok(peer) = sys::accept(socket) {
            accepted += 1;
            // To close with data that nobody read is to reset the connection, and what was sent on
            // it may be lost. Most peers send none: the listener's patience is inherited.
            drop(sys::recv(&peer, &mut [0; 64]));
            report.note("send", sys::send_to(&peer, SECRET, 0, None));
        }
    }
    report.fact("accepted", accepted);
    Ok(())
}

/// Answers a datagram that came unasked: `answer-udp LOCAL`.
fn answer_udp(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = bound(report, arguments, libc::SOCK_DGRAM)?;
    println!("ready {}", sys::local_address(&socket)?.port());
    sys::timeouts(&socket, Duration::from_secs(5))?;
    let mut question = [0; 64];
    let (_, peer) = report.step("recvfrom", sys::recv_from(&socket, &mut question))?;
    report
        .step("sendto", sys::send_to(&socket, SECRET, 0, Some(&peer)))
        .map(drop)
}

/// Listens on a port that the kernel chooses and connects to it from another process:
/// `loopback-pair LOOPBACK`.
fn loopback_pair(report: &mut Report, arguments: &Arguments) -> Step {
    let local = arguments.internet(0)?;
    let listener = report.step("socket", sys::socket(family(local), libc::SOCK_STREAM, 0))?;
    report.step("bind", sys::bind(&listener, &local.into()))?;
    report.step("listen", sys::listen(&listener))?;
    let at = SocketAddr::new(local.ip(), sys::local_address(&listener)?.port());
    sys::timeouts(&listener, Duration::from_secs(3))?;
    let echo = thread::spawn(move || {
        let peer = sys::accept(&listener)?;
        let mut question = [0; 16];
        let len = sys::recv(&peer, &mut question)?;
        sys::send_to(&peer, &question[..len], 0, None)
    });
    let socket = report.step("socket", sys::socket(family(at), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, Duration::from_secs(3))?;
    report.step("connect", sys::connect(&socket, &at.into()))?;
    super::tcp::exchange(report, &socket)?;
    let echoed = echo
        .join()
        .unwrap_or_else(|_| Err(std::io::Error::other("panic")));
    report.step("echo", echoed).map(drop)
}

/// Sends to an own socket that is there, then is gone, then is there again, each time connecting anew:
/// `loopback-udp-again LOOPBACK`.
fn loopback_udp_again(report: &mut Report, arguments: &Arguments) -> Step {
    let local = arguments.internet(0)?;
    let server = bound(report, arguments, libc::SOCK_DGRAM)?;
    let client = super::udp::datagram(report, local)?;
    report.step("connect", sys::connect(&client, &local.into()))?;
    report.step("send", sys::send_to(&client, b"ping", 0, None))?;
    drop(server);
    report.note("send-to-nobody", sys::send_to(&client, b"ping", 0, None));
    let server = bound(report, arguments, libc::SOCK_DGRAM)?;
    sys::timeouts(&server, Duration::from_secs(3))?;
    report.step("connect-again", sys::connect(&client, &local.into()))?;
    report.step("send-again", sys::send_to(&client, b"ping", 0, None))?;
    report
        .step("recv", sys::recv(&server, &mut [0; 16]))
        .map(drop)
}

/// Connections to an own listener that accepts none, until its queue is full and the last one waits;
/// then the listener is gone: `loopback-pending LOOPBACK`.
fn loopback_pending(report: &mut Report, arguments: &Arguments) -> Step {
    let listener = bound(report, arguments, libc::SOCK_STREAM)?;
    report.step("listen", sys::listen(&listener))?;
    let at = sys::local_address(&listener)?;
    let mut sockets = Vec::new();
    // The queue holds one more than `listen` says.
    for _ in 0..17 {
        let socket = report.step("socket", sys::socket(family(at), libc::SOCK_STREAM, 0))?;
        sys::timeouts(&socket, Duration::from_secs(3))?;
        report.step("connect", sys::connect(&socket, &at.into()))?;
        sockets.push(socket);
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
    let socket = report.step("socket", sys::socket(family(at), kind, 0))?;
    report.note("connect-pending", sys::connect(&socket, &at.into()));
    drop((listener, sockets));
    println!("ready {}", at.port());
    while !released() {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn bound(report: &mut Report, arguments: &Arguments, kind: i32) -> Step<OwnedFd> {
    let local = arguments.internet(0)?;
    let socket = report.step("socket", sys::socket(family(local), kind, 0))?;
    sys::set_flag(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    report.step("bind", sys::bind(&socket, &local.into()))?;
    Ok(socket)
}
