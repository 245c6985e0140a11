//! How a question gets to a server, and its answer back.

use std::{io, net::SocketAddr, os::fd::OwnedFd, time::Duration};

use crate::{
    probe::{Report, Step, arguments::family, tcp::mapped},
    sys,
};

/// Sends a message and takes what comes back, if something does.
pub(super) fn exchange(
    report: &mut Report,
    transport: &str,
    server: SocketAddr,
    message: &[u8],
    patience: Duration,
) -> Step<Option<Vec<u8>>> {
    match transport {
        "udp" => {
            let socket = datagram(report, server, patience)?;
            report.step("connect", sys::connect(&socket, &server.into()))?;
            report.step("send", sys::send_to(&socket, message, 0, None))?;
            whom(report, sys::peer_address(&socket)?);
            receive(report, &socket)
        }
        "udp-sendto" => {
            let socket = datagram(report, server, patience)?;
            let sent = sys::send_to(&socket, message, 0, Some(&server.into()));
            report.step("sendto", sent)?;
            receive(report, &socket)
        }
        "udp-sendmsg" => {
            let socket = datagram(report, server, patience)?;
            let sent = sys::sendmsg(&socket, message, 0, &server.into());
            report.step("sendmsg", sent)?;
            receive(report, &socket)
        }
        "udp-mapped" => {
            let server = mapped(server);
            let socket = datagram(report, server, patience)?;
            let sent = sys::send_to(&socket, message, 0, Some(&server.into()));
            report.step("sendto", sent)?;
            receive(report, &socket)
        }
        "tcp" | "tcp-mapped" | "tcp-slow" | "tcp-two" => {
            stream(report, transport, server, message, patience)
        }
        other => Err(io::Error::other(format!("there is no transport {other}")).into()),
    }
}

pub(super) fn datagram(report: &mut Report, to: SocketAddr, patience: Duration) -> Step<OwnedFd> {
    let socket = report.step("socket", sys::socket(family(to), libc::SOCK_DGRAM, 0))?;
    sys::timeouts(&socket, patience)?;
    Ok(socket)
}

fn stream(
    report: &mut Report,
    transport: &str,
    server: SocketAddr,
    message: &[u8],
    patience: Duration,
) -> Step<Option<Vec<u8>>> {
    let server = match transport {
        "tcp-mapped" => mapped(server),
        _ => server,
    };
    let socket = report.step("socket", sys::socket(family(server), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, patience)?;
    report.step("connect", sys::connect(&socket, &server.into()))?;
    whom(report, sys::peer_address(&socket)?);
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let whole = [&length.to_be_bytes(), message].concat();
    let parts: Vec<Vec<u8>> = match transport {
        // Byte by byte, as nobody would.
        "tcp-slow" => whole.chunks(1).map(<[u8]>::to_vec).collect(),
        "tcp-two" => vec![[whole.as_slice(), whole.as_slice()].concat()],
        _ => vec![whole],
    };
    sys::set_flag(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    for part in parts {
        report.step("send", sys::send_to(&socket, &part, 0, None))?;
    }
    let first = receive_whole(&socket);
    if transport == "tcp-two" {
        let second = receive_whole(&socket);
        report.fact("second", second.is_ok_and(|answer| answer.is_some()));
    }
    report.step("recv", first)
}

/// One message from a stream; nothing if it ends or nothing comes.
fn receive_whole(socket: &OwnedFd) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if fill(socket, &mut length)?.is_none() {
        return Ok(None);
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    Ok(fill(socket, &mut message)?.map(|()| message))
}

fn fill(socket: &OwnedFd, mut into: &mut [u8]) -> io::Result<Option<()>> {
    while !into.is_empty() {
        match sys::recv(socket, into) {
            Ok(0) => return Ok(None),
            Ok(count) => into = &mut into[count..],
            Err(error) if is_silence(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(()))
}

fn receive(report: &mut Report, socket: &OwnedFd) -> Step<Option<Vec<u8>>> {
    let mut buffer = vec![0; 65_535];
    match sys::recv_from(socket, &mut buffer) {
        Ok((length, from)) => {
            report.note("recv", Ok(()));
            if let Some(from) = from.internet() {
                whom(report, from);
            }
            buffer.truncate(length);
            Ok(Some(buffer))
        }
        Err(error) if is_silence(&error) => {
            report.note("recv", Ok(()));
            Ok(None)
        }
        Err(error) => report.step("recv", Err(error)),
    }
}

fn is_silence(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAGAIN)
}

/// Who answers, as the program sees it.
fn whom(report: &mut Report, peer: SocketAddr) {
    report.fact("from", peer.to_string());
}
