//! System calls with safe signatures, in the exact forms that the techniques need.

mod address;
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

use std::io;

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
