//! `name-tls SERVER NAME PORT SAID [FORM]`: finds a name, connects to its address, and says in TLS that it wants `SAID`. The
//! far side returns what it gets.

use std::{io, os::fd::OwnedFd, thread, time::Duration};

use super::{client_hello, connections::look_up};
use crate::{
    dns::A,
    probe::{
        Report, Step, Technique,
        arguments::{Arguments, family},
    },
    sys,
};

pub(in crate::probe) const TECHNIQUES: &[Technique] = &[
    ("name-tls", hello),
    ("name-tls-fastopen", hello_in_the_first_packet),
    ("name-tls-kept", kept),
];

/// How long the far side may be silent. Several retransmissions fit.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Between two segments, so that the kernel does not make one of them.
const PAUSE: Duration = Duration::from_millis(2);

fn hello(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    let segments = said(arguments)?;
    let socket = report.step("socket-tcp", sys::socket(family(to), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, PATIENCE)?;
    sys::set_flag(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    report.step("connect-tcp", sys::connect(&socket, &to.into()))?;
    send(report, &socket, &segments)
}

/// In the packet that opens the connection: the second connection has what it takes.
fn hello_in_the_first_packet(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    let whole = said(arguments)?.concat();
    for _ in 0..2 {
        let socket = report.step("socket-tcp", sys::socket(family(to), libc::SOCK_STREAM, 0))?;
        sys::timeouts(&socket, PATIENCE)?;
        let sent = sys::send_to(&socket, &whole, libc::MSG_FASTOPEN, Some(&to.into()));
        report.step("sendto", sent)?;
        echo(report, &socket, whole.len())?;
    }
    Ok(())
}

/// What follows a name that is permitted is not looked at: a lot of it, also what looks like another beginning.
fn kept(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    let segments = said(arguments)?;
    let socket = report.step("socket-tcp", sys::socket(family(to), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, PATIENCE)?;
    report.step("connect-tcp", sys::connect(&socket, &to.into()))?;
    send(report, &socket, &segments)?;
    let more = vec![vec![0x17; 8000]];
    for _ in 0..20 {
        send(report, &socket, &more)?;
    }
    Ok(())
}

fn said(arguments: &Arguments) -> Step<Vec<Vec<u8>>> {
    let form = arguments.text(4).unwrap_or("plain");
    Ok(client_hello::segments(form, arguments.text(3)?)?)
}

fn send(report: &mut Report, socket: &OwnedFd, segments: &[Vec<u8>]) -> Step {
    let mut length = 0;
    for (number, segment) in segments.iter().enumerate() {
        if number > 0 {
            thread::sleep(PAUSE);
        }
        report.step("send", sys::send_to(socket, segment, 0, None))?;
        length += segment.len();
    }
    echo(report, socket, length)
}

/// Takes back what was sent, or at least its beginning: a service may answer otherwise.
fn echo(report: &mut Report, socket: &OwnedFd, length: usize) -> Step {
    let (mut buffer, mut taken) = (vec![0; 65_536], 0);
    while taken < length {
        match sys::recv(socket, &mut buffer) {
            Ok(0) if taken == 0 => {
                let reset = io::Error::from_raw_os_error(libc::ECONNRESET);
                return report.step("recv", Err(reset));
            }
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) => return report.step("recv", Err(error)),
        }
    }
    report.note("recv", Ok(()));
    Ok(())
}
