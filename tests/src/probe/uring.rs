//! The same operations through `io_uring`: executed in the calling task, in a worker, or in the
//! thread that polls the submission queue.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

use io_uring::{IoUring, opcode, squeue, types::Fd};

use super::{
    Report, Step, Stop, Technique,
    arguments::{Arguments, family},
};
use crate::{
    error::Error,
    sys::{self, SockAddr},
};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("uring-tcp", tcp),
    ("uring-fastopen", fast_open),
    ("uring-udp", udp),
    ("uring-udp-zerocopy", udp_zero_copy),
    ("uring-socket", socket_of),
];

/// How a ring executes what it is given.
enum Mode {
    Inline,
    Worker,
    Polled,
}

pub(super) struct Ring {
    ring: IoUring,
    mode: Mode,
}

impl Ring {
    /// The first argument says the mode.
    pub(super) fn new(report: &mut Report, arguments: &Arguments) -> Step<Self> {
        let mode = match arguments.text(0)? {
            "inline" => Mode::Inline,
            "worker" => Mode::Worker,
            "polled" => Mode::Polled,
            other => return Err(Error::Failed(format!("probe: no io_uring mode {other}")).into()),
        };
        let mut builder = IoUring::builder();
        if matches!(mode, Mode::Polled) {
            builder.setup_sqpoll(50);
        }
        let ring = report.step("io_uring_setup", builder.build(8))?;
        Ok(Self { ring, mode })
    }

    /// Executes one entry and answers its result.
    pub(super) fn execute(&mut self, entry: squeue::Entry) -> io::Result<i32> {
        let entry = match self.mode {
            Mode::Worker => entry.flags(squeue::Flags::ASYNC),
            Mode::Inline | Mode::Polled => entry,
        };
        // SAFETY: the callers keep what the entry points to alive until this function returns,
        // and it returns only when the entry is completed.
        unsafe { self.ring.submission().push(&entry) }.map_err(io::Error::other)?;
        self.ring.submit_and_wait(1)?;
        let result = self
            .ring
            .completion()
            .next()
            .map(|completion| completion.result());
        match result {
            Some(result) if result < 0 => Err(io::Error::from_raw_os_error(-result)),
            Some(result) => Ok(result),
            None => Err(io::Error::other("io_uring completes nothing")),
        }
    }

    pub(super) fn socket(&mut self, domain: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
        let fd = self.execute(opcode::Socket::new(domain, kind, protocol).build())?;
        // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn connect(&mut self, socket: &OwnedFd, to: &SockAddr) -> io::Result<i32> {
        let fd = Fd(socket.as_raw_fd());
        self.execute(opcode::Connect::new(fd, to.as_ptr(), to.size()).build())
    }

    pub(super) fn sendmsg(
        &mut self,
        socket: &OwnedFd,
        flags: i32,
        to: &SockAddr,
    ) -> io::Result<i32> {
        let mut part = libc::iovec {
            iov_base: b"ping".as_ptr().cast_mut().cast(),
            iov_len: 4,
        };
        // SAFETY: all-zero bytes are a valid msghdr.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_name = to.as_ptr().cast_mut().cast();
        message.msg_namelen = to.size();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        let send = opcode::SendMsg::new(Fd(socket.as_raw_fd()), &raw const message);
        self.execute(send.flags(flags.cast_unsigned()).build())
    }
}

/// Socket, connect, and an ordinary exchange.
fn tcp(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(1)?;
    let (mut ring, socket) = prepare(report, arguments, to, libc::SOCK_STREAM)?;
    report.step("connect", ring.connect(&socket, &to.into()))?;
    super::tcp::exchange(report, &socket)
}

/// The first message connects.
fn fast_open(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(1)?;
    let (mut ring, socket) = prepare(report, arguments, to, libc::SOCK_STREAM)?;
    let sent = match ring.sendmsg(&socket, libc::MSG_FASTOPEN, &to.into()) {
        // Tried without waiting: the first packet is on its way.
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(0),
        other => other,
    };
    report.step("sendmsg", sent).map(drop)
}

fn udp(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(1)?;
    let (mut ring, socket) = prepare(report, arguments, to, libc::SOCK_DGRAM)?;
    report
        .step("sendmsg", ring.sendmsg(&socket, 0, &to.into()))
        .map(drop)
}

fn udp_zero_copy(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(1)?;
    let (mut ring, socket) = prepare(report, arguments, to, libc::SOCK_DGRAM)?;
    let address = SockAddr::from(to);
    let send = opcode::SendZc::new(Fd(socket.as_raw_fd()), b"ping".as_ptr(), 4)
        .dest_addr(address.as_ptr())
        .dest_addr_len(address.size());
    report.step("send_zc", ring.execute(send.build())).map(drop)
}

/// `uring-socket MODE TYPE PROTOCOL`: a socket that no rule can allow.
fn socket_of(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let made = ring.socket(libc::AF_INET, arguments.parse(1)?, arguments.parse(2)?);
    report.step("socket", made).map(drop)
}

fn prepare(
    report: &mut Report,
    arguments: &Arguments,
    to: SocketAddr,
    kind: i32,
) -> Result<(Ring, OwnedFd), Stop> {
    let mut ring = Ring::new(report, arguments)?;
    let socket = report.step("socket", ring.socket(family(to), kind, 0))?;
    sys::timeouts(&socket, Duration::from_secs(3))?;
    Ok((ring, socket))
}
