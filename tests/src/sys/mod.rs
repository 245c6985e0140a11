//! System calls with safe signatures, in the exact forms that the techniques need.

mod address;
pub mod bpf;
mod descriptor;
mod file;
mod interface;
mod socket;

pub use address::SockAddr;
pub use descriptor::{descriptor_of, leave_socket};
pub use file::{extended_attributes, open, remove_extended_attribute, set_extended_attribute};
pub use interface::{index_of, set_interface_address};
pub use socket::{
    accept, bind, connect, getsockopt, listen, local_address, peer_address, recv, recv_from,
    send_to, sendmmsg, sendmsg, set_flag, setsockopt, socket, timeouts,
};

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

/// The result of a call that answers -1 on error.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// The result of a call that answers a length, or -1 on error.
pub fn check_len(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Nanoseconds since boot, suspend included.
pub fn boot_ns() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME);
    now.map_or(0, |now| {
        std::time::Duration::from(now)
            .as_nanos()
            .try_into()
            .unwrap_or(u64::MAX)
    })
}

/// A system call that libc has no function for, or one with arguments that its function would not take.
///
/// # Safety
///
/// What the arguments point to must be as the call wants it, and live until it returns.
pub unsafe fn call(number: libc::c_long, arguments: [libc::c_long; 5]) -> io::Result<libc::c_long> {
    let [one, two, three, four, five] = arguments;
    // SAFETY: as the caller promises.
    let result = unsafe { libc::syscall(number, one, two, three, four, five) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Likewise, for a call that answers a descriptor.
///
/// # Safety
///
/// As for [`call`].
pub unsafe fn call_for_descriptor(
    number: libc::c_long,
    arguments: [libc::c_long; 5],
) -> io::Result<OwnedFd> {
    // SAFETY: as the caller promises.
    let fd = unsafe { call(number, arguments) }?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
