//! Who is at the other end of a Unix socket, as the kernel has it.

use std::{
    io,
    os::fd::{AsFd, FromRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{getsockopt, sockopt},
};

/// The process that connected.
///
/// The credentials are those it had when it connected. A pid can be given to another process once
/// its owner is gone, so the peer is held by a pidfd: as long as [`is_alive`](Self::is_alive), the
/// pid is its own.
#[derive(Debug)]
pub struct Peer {
    pid: i32,
    uid: u32,
    gid: u32,
    pidfd: OwnedFd,
}

impl Peer {
    /// The peer of a connected Unix socket.
    ///
    /// The pidfd is the kernel's own for the socket from Linux 6.5; before, it is opened here, by
    /// the pid. Call it as soon as a connection is accepted, then no pid can have come round in
    /// between. It fails if the process is gone or is in no pid namespace that is visible here.
    pub fn of(socket: &impl AsFd) -> io::Result<Self> {
        let credentials = getsockopt(socket, sockopt::PeerCredentials)?;
        let pid = credentials.pid();
        if pid <= 0 {
            return Err(io::Error::other("the peer's pid is not visible from here"));
        }
        let pidfd = match getsockopt(socket, sockopt::PeerPidfd) {
            Ok(pidfd) => pidfd,
            Err(Errno::ENOPROTOOPT) => pidfd_open(pid)?,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            pid,
            uid: credentials.uid(),
            gid: credentials.gid(),
            pidfd,
        })
    }

    /// Its process id in the daemon's pid namespace.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its effective user id when it connected.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Its effective group id when it connected.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Refers to the process and to no other, even when its pid is reused.
    pub fn pidfd(&self) -> &impl AsFd {
        &self.pidfd
    }

    /// Whether the process has not exited. What was read from `/proc/PID` *before* this said yes
    /// was about this process.
    pub fn is_alive(&self) -> io::Result<bool> {
        // A pidfd becomes readable when its process exits.
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut fds, PollTimeout::ZERO) {
                Ok(ready) => return Ok(ready == 0),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
