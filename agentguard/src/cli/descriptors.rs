//! What a process takes along when it becomes an agent.
//!
//! A socket belongs to the cgroup it was made in, for good. One that an agent inherits is not held
//! to the agent's scope, and an inherited `io_uring` can make more of them.

use std::{io, os::fd::RawFd};

use libc::c_int;
use nix::errno::Errno;

/// Why a descriptor keeps a process from becoming an agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum DescriptorError {
    /// It is a socket of a network.
    #[error(
        "{name} is a network socket, and what was opened outside an agent is not held to its \
         scope; redirect it, or pass it on knowingly with --keep-fd {fd}"
    )]
    NetworkSocket {
        /// Its number.
        fd: RawFd,
        /// Its name.
        name: &'static str,
    },
    /// A descriptor that shall be kept is not open.
    #[error("--keep-fd {0}: is not open")]
    NotOpen(RawFd),
    /// The kernel refused.
    #[error("cannot {action} descriptors: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

const STANDARD: [(RawFd, &str); 3] = [
    (0, "standard input"),
    (1, "standard output"),
    (2, "standard error"),
];

/// Checks that the descriptors that shall be kept are open, and that standard input, output and
/// error, unless they are among those, are no sockets of a network.
pub(super) fn check(keep: &[RawFd]) -> Result<(), DescriptorError> {
    if let Some(&fd) = keep.iter().find(|&&fd| !is_open(fd)) {
        return Err(DescriptorError::NotOpen(fd));
    }
    for (fd, name) in STANDARD {
        if !keep.contains(&fd) && is_network_socket(fd)? {
            return Err(DescriptorError::NetworkSocket { fd, name });
        }
    }
    Ok(())
}

/// Marks every descriptor from 3 up, except those that shall be kept, to be closed by the next
/// `exec`. Needs Linux 5.11.
pub(super) fn close_on_exec(keep: &[RawFd]) -> Result<(), DescriptorError> {
    let mut kept: Vec<u32> = keep
        .iter()
        .filter_map(|&fd| u32::try_from(fd).ok())
        .filter(|&fd| fd > 2)
        .collect();
    kept.sort_unstable();
    kept.dedup();
    let mut first = 3;
    for fd in kept {
        if first < fd {
            close_range(first, fd - 1)?;
        }
        first = fd + 1;
    }
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), DescriptorError> {
    // SAFETY: close_range takes three integers; with CLOSE_RANGE_CLOEXEC it closes nothing that
    // this process may still own.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            last,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(DescriptorError::Io {
        action: "close",
        source: io::Error::last_os_error(),
    })
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD reads the descriptor's flags and touches no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Whether the descriptor is a socket of another family than `AF_UNIX`. One that is not open is
/// not.
fn is_network_socket(fd: RawFd) -> Result<bool, DescriptorError> {
    let mut domain: c_int = 0;
    let mut length: libc::socklen_t = 4;
    const { assert!(size_of::<c_int>() == 4) };
    // SAFETY: domain and length outlive the call and are as long as the kernel is told.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DOMAIN,
            (&raw mut domain).cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        return Ok(domain != libc::AF_UNIX);
    }
    match Errno::last() {
        Errno::ENOTSOCK | Errno::EBADF => Ok(false),
        error => Err(DescriptorError::Io {
            action: "look at",
            source: error.into(),
        }),
    }
}
