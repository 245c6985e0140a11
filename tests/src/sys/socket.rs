//! Sockets.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

use super::{SockAddr, address::len_of, check, check_len};

/// `socket(2)`, close-on-exec.
pub fn socket(domain: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is checked.
    let fd = check(unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `connect(2)`.
pub fn connect(fd: &impl AsFd, to: &SockAddr) -> io::Result<()> {
    // SAFETY: the address is valid for its length.
    check(unsafe { libc::connect(raw(fd), to.as_ptr(), to.size()) }).map(drop)
}

/// `bind(2)`.
pub fn bind(fd: &impl AsFd, local: &SockAddr) -> io::Result<()> {
    // SAFETY: the address is valid for its length.
    check(unsafe { libc::bind(raw(fd), local.as_ptr(), local.size()) }).map(drop)
}

/// `listen(2)`.
pub fn listen(fd: &impl AsFd) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::listen(raw(fd), 16) }).map(drop)
}

/// `accept4(2)`, close-on-exec.
pub fn accept(fd: &impl AsFd) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_CLOEXEC;
    // SAFETY: null pointers mean that the peer's address is not wanted.
    let fd = check(unsafe { libc::accept4(raw(fd), ptr::null_mut(), ptr::null_mut(), flags) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `sendto(2)`, or `send(2)` without a destination. Never raises SIGPIPE.
pub fn send_to(
    fd: &impl AsFd,
    data: &[u8],
    flags: i32,
    to: Option<&SockAddr>,
) -> io::Result<usize> {
    let (address, len) = to.map_or((ptr::null(), 0), |to| (to.as_ptr(), to.size()));
    let flags = flags | libc::MSG_NOSIGNAL;
    // SAFETY: buffer and address are valid for their lengths.
    check_len(unsafe {
        libc::sendto(
            raw(fd),
            data.as_ptr().cast(),
            data.len(),
            flags,
            address,
            len,
        )
    })
}

/// `sendmsg(2)` with one buffer.
pub fn sendmsg(fd: &impl AsFd, data: &[u8], flags: i32, to: &SockAddr) -> io::Result<usize> {
    let mut part = part(data);
    let message = message(&mut part, to);
    // SAFETY: the message points to a live buffer and address.
    check_len(unsafe { libc::sendmsg(raw(fd), &raw const message, flags | libc::MSG_NOSIGNAL) })
}

/// `sendmmsg(2)`: the same bytes to several destinations. Answers how many were sent.
pub fn sendmmsg(fd: &impl AsFd, data: &[u8], to: &[SockAddr]) -> io::Result<usize> {
    let mut parts: Vec<_> = to.iter().map(|_| part(data)).collect();
    let mut messages: Vec<_> = to
        .iter()
        .zip(&mut parts)
        .map(|(to, part)| libc::mmsghdr {
            msg_hdr: message(part, to),
            msg_len: 0,
        })
        .collect();
    let count = u32::try_from(messages.len()).map_err(io::Error::other)?;
    // SAFETY: the messages point to live buffers and addresses.
    let sent = check(unsafe { libc::sendmmsg(raw(fd), messages.as_mut_ptr(), count, 0) })?;
    usize::try_from(sent).map_err(io::Error::other)
}

fn part(data: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: data.as_ptr().cast_mut().cast(),
        iov_len: data.len(),
    }
}

/// A message header; the caller keeps the part and the address alive while it is used.
fn message(part: &mut libc::iovec, to: &SockAddr) -> libc::msghdr {
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = to.as_ptr().cast_mut().cast();
    header.msg_namelen = to.size();
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header
}

/// `recv(2)`, again if it was interrupted: a ring has the kernel interrupt its process, and a call with a time-out is
/// not begun again then (`sock_intr_errno`).
pub fn recv(fd: &impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the buffer is valid for its length.
        let received =
            check_len(unsafe { libc::recv(raw(fd), into.as_mut_ptr().cast(), into.len(), 0) });
        match received {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// `recvfrom(2)`; answers also the raw address of the sender.
pub fn recv_from(fd: &impl AsFd, into: &mut [u8]) -> io::Result<(usize, SockAddr)> {
    let mut from = SockAddr::empty();
    let (address, len) = (from.as_mut_ptr(), from.len_mut());
    // SAFETY: the buffer is valid for its length, the address has room for every family.
    let count = check_len(unsafe {
        libc::recvfrom(
            raw(fd),
            into.as_mut_ptr().cast(),
            into.len(),
            0,
            address,
            len,
        )
    })?;
    Ok((count, from))
}

/// `setsockopt(2)`.
pub fn setsockopt(fd: &impl AsFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the value is valid for its length.
    check(unsafe { libc::setsockopt(raw(fd), level, name, value.as_ptr().cast(), len) }).map(drop)
}

/// Sets an option that is a C `int`.
pub fn set_flag(fd: &impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    setsockopt(fd, level, name, &value.to_ne_bytes())
}

/// `getsockopt(2)` for an option that is a plain C structure.
pub fn getsockopt<T: Copy>(fd: &impl AsFd, level: i32, name: i32) -> io::Result<T> {
    // SAFETY: the callers ask for C structures of integers: all-zero bytes are valid.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut len = len_of::<T>();
    // SAFETY: the value is valid for its length.
    check(unsafe {
        libc::getsockopt(raw(fd), level, name, (&raw mut value).cast(), &raw mut len)
    })?;
    Ok(value)
}

/// Limits how long reads and writes on the socket wait.
pub fn timeouts(fd: &impl AsFd, limit: Duration) -> io::Result<()> {
    let value = libc::timeval {
        tv_sec: libc::time_t::try_from(limit.as_secs()).map_err(io::Error::other)?,
        tv_usec: libc::suseconds_t::from(limit.subsec_micros()),
    };
    let mut bytes = [0; size_of::<libc::timeval>()];
    bytes[..8].copy_from_slice(&value.tv_sec.to_ne_bytes());
    bytes[8..].copy_from_slice(&value.tv_usec.to_ne_bytes());
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &bytes)?;
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &bytes)
}

/// `getsockname(2)` of an Internet socket.
pub fn local_address(fd: &impl AsFd) -> io::Result<SocketAddr> {
    let mut address = SockAddr::empty();
    let (pointer, len) = (address.as_mut_ptr(), address.len_mut());
    // SAFETY: the address has room for every family.
    check(unsafe { libc::getsockname(raw(fd), pointer, len) })?;
    address
        .internet()
        .ok_or_else(|| io::Error::other("not an Internet socket"))
}

/// `getpeername(2)` of an Internet socket.
pub fn peer_address(fd: &impl AsFd) -> io::Result<SocketAddr> {
    let mut address = SockAddr::empty();
    let (pointer, len) = (address.as_mut_ptr(), address.len_mut());
    // SAFETY: the address has room for every family.
    check(unsafe { libc::getpeername(raw(fd), pointer, len) })?;
    address
        .internet()
        .ok_or_else(|| io::Error::other("not an Internet socket"))
}

fn raw(fd: &impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}
