//! Unix sockets. A name is a path, or `@` and an abstract name; a type is `stream`, `datagram` or `packet`.

use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::symlink,
    },
};

use io_uring::{opcode, types::Fd};
use nix::{
    sys::socket::{AddressFamily, SockFlag, SockType, socketpair},
    unistd::chdir,
};

use super::super::{Report, Step, Technique, arguments::Arguments, uring::Ring};
use crate::{
    error::{Error, Outcome},
    sys::{self, SockAddr},
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("unix-connect", connect),
    ("unix-sendto", send_to),
    ("unix-sendmsg", send_message),
    ("unix-sendmmsg", send_messages),
    ("unix-connected-elsewhere", connected_elsewhere),
    ("unix-reconnect", reconnect),
    ("unix-by-link", by_link),
    ("unix-relative", relative),
    ("unix-pair", pair),
    ("unix-own", own),
    ("uring-unix", by_ring),
    ("uring-unix-send", send_by_ring),
];

const TEXT: &[u8] = b"text";

fn kind(name: &str) -> Outcome<i32> {
    match name {
        "stream" => Ok(libc::SOCK_STREAM),
        "datagram" => Ok(libc::SOCK_DGRAM),
        "packet" => Ok(libc::SOCK_SEQPACKET),
        other => Err(Error::Failed(format!("probe: no type of sockets {other}"))),
    }
}

fn unix(report: &mut Report, kind: i32) -> Step<OwnedFd> {
    report.step("socket", sys::socket(libc::AF_UNIX, kind, 0))
}

fn connect_to(report: &mut Report, kind: i32, name: &str) -> Step {
    let socket = unix(report, kind)?;
    let connected = sys::connect(&socket, &SockAddr::unix(name)?);
    report.step("connect", connected)?;
    // A listener that is connected to may hang up at once.
    if kind == libc::SOCK_DGRAM {
        report.step("send", sys::send_to(&socket, TEXT, 0, None))?;
    }
    Ok(())
}

/// `unix-connect TYPE NAME`.
fn connect(report: &mut Report, arguments: &Arguments) -> Step {
    connect_to(report, kind(arguments.text(0)?)?, arguments.text(1)?)
}

/// `unix-sendto NAME`: a datagram without a connection.
fn send_to(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = unix(report, libc::SOCK_DGRAM)?;
    let to = SockAddr::unix(arguments.text(0)?)?;
    report
        .step("sendto", sys::send_to(&socket, TEXT, 0, Some(&to)))
        .map(drop)
}

fn send_message(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = unix(report, libc::SOCK_DGRAM)?;
    let to = SockAddr::unix(arguments.text(0)?)?;
    report
        .step("sendmsg", sys::sendmsg(&socket, TEXT, 0, &to))
        .map(drop)
}

fn send_messages(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = unix(report, libc::SOCK_DGRAM)?;
    let to = SockAddr::unix(arguments.text(0)?)?;
    report
        .step("sendmmsg", sys::sendmmsg(&socket, TEXT, &[to]))
        .map(drop)
}

/// `unix-connected-elsewhere FIRST SECOND`: connected to the one, a datagram to the other.
fn connected_elsewhere(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = unix(report, libc::SOCK_DGRAM)?;
    let (first, second) = both(arguments)?;
    report.step("connect", sys::connect(&socket, &first))?;
    report
        .step("sendto", sys::send_to(&socket, TEXT, 0, Some(&second)))
        .map(drop)
}

/// `unix-reconnect FIRST SECOND`: connected to the one, then to the other.
fn reconnect(report: &mut Report, arguments: &Arguments) -> Step {
    let socket = unix(report, libc::SOCK_DGRAM)?;
    let (first, second) = both(arguments)?;
    report.step("connect", sys::connect(&socket, &first))?;
    report.step("connect-again", sys::connect(&socket, &second))?;
    report
        .step("send", sys::send_to(&socket, TEXT, 0, None))
        .map(drop)
}

fn both(arguments: &Arguments) -> io::Result<(SockAddr, SockAddr)> {
    let name = |at: usize| arguments.text(at).map_err(io::Error::other);
    Ok((SockAddr::unix(name(0)?)?, SockAddr::unix(name(1)?)?))
}

/// `unix-by-link TYPE PATH LINK`: by a link that is made for it.
fn by_link(report: &mut Report, arguments: &Arguments) -> Step {
    let (path, link) = (arguments.text(1)?, arguments.text(2)?);
    report.step("symlink", symlink(path, link))?;
    let connected = connect_to(report, kind(arguments.text(0)?)?, link);
    fs::remove_file(link)?;
    connected
}

/// `unix-relative TYPE DIRECTORY NAME`: from the directory.
fn relative(report: &mut Report, arguments: &Arguments) -> Step {
    chdir(&*arguments.path(1)?)?;
    connect_to(report, kind(arguments.text(0)?)?, arguments.text(2)?)
}

/// `unix-pair TYPE`: the two ends of a pair.
fn pair(report: &mut Report, arguments: &Arguments) -> Step {
    let kind = match arguments.text(0)? {
        "stream" => SockType::Stream,
        "datagram" => SockType::Datagram,
        _ => SockType::SeqPacket,
    };
    let made = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC);
    let (one, other) = report.step("socketpair", made.map_err(Into::into))?;
    report.step("send", sys::send_to(&one, TEXT, 0, None))?;
    report.step("recv", sys::recv(&other, &mut [0; 8]))?;
    report.fact("effect", "exchanged");
    Ok(())
}

/// `unix-own TYPE NAME`: to a socket of its own.
fn own(report: &mut Report, arguments: &Arguments) -> Step {
    let (kind, name) = (kind(arguments.text(0)?)?, arguments.text(1)?);
    let server = unix(report, kind)?;
    report.step("bind", sys::bind(&server, &SockAddr::unix(name)?))?;
    if kind == libc::SOCK_DGRAM {
        connect_to(report, kind, name)?;
        report.step("recv", sys::recv(&server, &mut [0; 8]))?;
    } else {
        report.step("listen", sys::listen(&server))?;
        connect_to(report, kind, name)?;
        report.step("accept", sys::accept(&server))?;
    }
    report.fact("effect", "exchanged");
    Ok(())
}

/// `uring-unix MODE NAME`: a connection.
fn by_ring(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let socket = unix(report, libc::SOCK_STREAM)?;
    let to = SockAddr::unix(arguments.text(1)?)?;
    let entry = opcode::Connect::new(Fd(socket.as_raw_fd()), to.as_ptr(), to.size());
    report
        .step("connect", ring.execute(entry.build()))
        .map(drop)
}

/// `uring-unix-send MODE NAME`: a datagram.
fn send_by_ring(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let socket = unix(report, libc::SOCK_DGRAM)?;
    let to = SockAddr::unix(arguments.text(1)?)?;
    report
        .step("sendmsg", ring.sendmsg(&socket, 0, &to))
        .map(drop)
}
