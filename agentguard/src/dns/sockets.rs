//! The sockets on which agents are answered, in one network namespace.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, UdpSocket},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt,
        socket, sockopt,
    },
};

/// Bytes of questions that wait to be read. The kernel doubles it, and takes most of a kilobyte for each.
const RECEIVE_BYTES: usize = 1 << 20;
/// TCP connections that wait to be accepted.
const BACKLOG: i32 = 64;
/// How often another port is tried if the one of UDP is taken for TCP.
const TRIES: usize = 16;

/// A UDP and a TCP socket at one port of a loopback address.
#[derive(Debug)]
pub(super) struct Pair {
    pub udp: UdpSocket,
    pub tcp: TcpListener,
    pub address: SocketAddr,
}

/// Sockets at the loopback addresses, each family with a port of its own.
#[derive(Debug)]
pub struct Sockets {
    pub(super) v4: Pair,
    pub(super) v6: Option<Pair>,
}

impl Sockets {
    /// Binds them in the network namespace of the calling thread. They need no interface that is up. Without IPv6 in the
    /// kernel there is none for it.
    pub fn bind() -> io::Result<Self> {
        let v4 = pair(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into())?;
        let v6 = match pair(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0).into()) {
            Ok(pair) => Some(pair),
            Err(error) if is_lacking(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { v4, v6 })
    }

    /// Where questions over IPv4 are answered.
    pub fn v4(&self) -> SocketAddr {
        self.v4.address
    }

    /// Where questions over IPv6 are answered.
    pub fn v6(&self) -> Option<SocketAddr> {
        self.v6.as_ref().map(|pair| pair.address)
    }
}

fn is_lacking(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)
    )
}

fn pair(any_port: SocketAddr) -> io::Result<Pair> {
    let mut tries = 0;
    loop {
        tries += 1;
        let udp = UdpSocket::from(bound(any_port, SockType::Datagram)?);
        let address = udp.local_addr()?;
        match bound(address, SockType::Stream) {
            Ok(tcp) => {
                listen(&tcp, Backlog::new(BACKLOG)?)?;
                let tcp = TcpListener::from(tcp);
                return Ok(Pair { udp, tcp, address });
            }
            Err(Errno::EADDRINUSE) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn bound(address: SocketAddr, kind: SockType) -> nix::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let socket = socket(
        family,
        kind,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    // The address need not be there yet: in a new namespace loopback is down.
    setsockopt(&socket, sockopt::IpFreebind, &true)?;
    if kind == SockType::Datagram {
        // Without CAP_NET_ADMIN the host's limit holds.
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BYTES)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BYTES))?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}
