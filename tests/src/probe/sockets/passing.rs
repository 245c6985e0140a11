//! Descriptors that somebody else has opened.

use std::{
    fs::File,
    io::{self, IoSliceMut, Read, Write},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use io_uring::IoUring;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{
    error::{Error, Outcome},
    sys::{self, SockAddr},
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("receive", receive),
    ("inherited-socket", inherited_socket),
    ("inherited-ring", inherited_ring),
];

/// `receive SERVER WHAT`: asks a witness for a descriptor, and uses it.
fn receive(report: &mut Report, arguments: &Arguments) -> Step {
    let what = arguments.text(1)?;
    let socket = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    let connected = sys::connect(&socket, &SockAddr::unix(arguments.text(0)?)?);
    report.step("connect", connected)?;
    report.step("send", sys::send_to(&socket, what.as_bytes(), 0, None))?;
    let thing = report.step("receive", taken(&socket))?;
    use_it(report, what, thing)
}

/// The descriptor that comes with a message.
fn taken(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let (mut text, mut control) = ([0; 8], nix::cmsg_space!(libc::c_int));
    let mut parts = [IoSliceMut::new(&mut text)];
    let message = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    if message.bytes == 0 {
        // The witness could not send it: rings can be passed on old kernels only.
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    // One was sent: it did not arrive.
    if message.flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(io::Error::other("MSG_CTRUNC"));
    }
    let received = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    match received {
        // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
        Some(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        None => Err(io::Error::other("no descriptor came")),
    }
}

fn use_it(report: &mut Report, what: &str, thing: OwnedFd) -> Step {
    match what.split(' ').next().unwrap_or_default() {
        "read" | "both" | "pipe" | "memory" => {
            let mut content = [0; 64];
            let len = report.step("read", File::from(thing).read(&mut content))?;
            report.fact("content", String::from_utf8_lossy(&content[..len]));
            report.fact("effect", "read");
        }
        "write" => {
            report.step("write", File::from(thing).write(b"changed"))?;
        }
        "udp" => {
            report.step("send", sys::send_to(&thing, b"ping", 0, None))?;
        }
        "path" => {
            let again = format!("/proc/self/fd/{}", thing.as_raw_fd());
            report.fact("effect", "received");
            let mut file = report.step("open", File::open(again))?;
            let mut content = String::new();
            report.step("read", file.read_to_string(&mut content))?;
            report.fact("content", content);
        }
        "ring" | "unix" => report.fact("effect", "received"),
        other => return Err(Error::Failed(format!("probe: {other} is not used")).into()),
    }
    Ok(())
}

/// A ring that is nobody's yet.
pub(super) fn ring_of_its_own() -> Outcome<OwnedFd> {
    let ring = IoUring::new(8)?;
    // SAFETY: the copy is a descriptor of its own.
    let copy = sys::check(unsafe { libc::fcntl(ring.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// `inherited-socket FD`: writes on a socket that was connected before.
fn inherited_socket(report: &mut Report, arguments: &Arguments) -> Step {
    // SAFETY: the descriptor was inherited for this, nobody else uses it.
    let socket = unsafe { OwnedFd::from_raw_fd(arguments.parse(0)?) };
    report
        .step("send", sys::send_to(&socket, b"ping", 0, None))
        .map(drop)
}

/// `inherited-ring FD`: whether the descriptor is still there.
fn inherited_ring(report: &mut Report, arguments: &Arguments) -> Step {
    let fd: i32 = arguments.parse(0)?;
    // SAFETY: no pointers.
    let flags = sys::check(unsafe { libc::fcntl(fd, libc::F_GETFD) });
    report.step("fcntl", flags)?;
    // SAFETY: no pointers: nothing is submitted, which any ring answers.
    let entered = unsafe { sys::call(libc::SYS_io_uring_enter, [fd.into(), 0, 0, 0, 0]) };
    report.step("io_uring_enter", entered)?;
    report.fact("effect", "entered");
    Ok(())
}
