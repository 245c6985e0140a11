//! Network interfaces of the calling thread's network namespace.

use std::{io, net::Ipv4Addr};

use super::{SockAddr, check, socket};
use std::os::fd::AsRawFd;

/// The number of an interface.
pub fn index_of(name: &str) -> io::Result<u32> {
    nix::net::if_::if_nametoindex(name).map_err(io::Error::from)
}

/// Gives an interface this IPv4 address, and sets it up.
pub fn set_interface_address(name: &str, address: Ipv4Addr) -> io::Result<()> {
    let control = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // SAFETY: all-zero bytes are a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let address = SockAddr::from(std::net::SocketAddr::from((address, 0)));
    // SAFETY: a sockaddr_in is as large as the sockaddr that is read here.
    request.ifr_ifru.ifru_addr = unsafe { *address.as_ptr() };
    // SAFETY: the request is a complete ifreq with an address.
    check(unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFADDR, &raw const request) })?;
    // SAFETY: the request is a complete ifreq; the kernel writes its flags.
    check(unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: SIOCGIFFLAGS has made the flags the active member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: the request is a complete ifreq with flags.
    check(unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })?;
    Ok(())
}
