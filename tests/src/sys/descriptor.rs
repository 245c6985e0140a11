//! Descriptors of other processes.

use std::{
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use nix::unistd::Pid;

use super::check;

/// Leaves a UDP socket open under this number to what the command executes.
pub fn leave_socket(command: &mut Command, number: i32) {
    // SAFETY: between fork and exec only `socket` and `dup2` are called, which are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            let socket = check(libc::socket(
                libc::AF_INET,
                libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
                0,
            ))?;
            check(libc::dup2(socket, number)).map(drop)
        });
    }
}

/// Takes a descriptor of another process (`pidfd_getfd(2)`, Linux 5.6).
pub fn descriptor_of(process: Pid, number: i32) -> io::Result<OwnedFd> {
    let take = |call, first: i32, second: i32| {
        // SAFETY: both calls take numbers only.
        let fd = unsafe { libc::syscall(call, first, second, 0) };
        let fd = check(i32::try_from(fd).map_err(io::Error::other)?)?;
        // SAFETY: the kernel just made the descriptor; nobody else owns it.
        Ok::<_, io::Error>(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    let pidfd = take(libc::SYS_pidfd_open, process.as_raw(), 0)?;
    take(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number)
}
