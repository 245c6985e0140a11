//! `struct sock`.

use agentguard_common::{
    address::Address,
    socket::{AF_INET, AF_INET6},
};

use super::Cgroup;

/// A `struct sock`.
#[derive(Clone, Copy)]
pub struct Socket(*const u8);

impl Socket {
    /// Wraps a pointer that the kernel passed as a `struct sock *` or a structure that begins with
    /// one.
    #[inline(always)]
    pub fn new(socket: *const u8) -> Self {
        Self(socket)
    }

    /// That of a `struct socket` which the kernel passed; null if it has none.
    #[inline(always)]
    pub fn of(socket: *const u8) -> Self {
        Self(lsm_member!(socket, socket_sock as *const u8))
    }

    /// Where it is.
    #[inline(always)]
    pub fn pointer(self) -> *mut u8 {
        self.0.cast_mut()
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// `AF_…`.
    #[inline(always)]
    pub fn family(self) -> u16 {
        lsm_member!(self.0, sock_family as u16)
    }

    /// `SOCK_…`.
    #[inline(always)]
    pub fn socket_type(self) -> u16 {
        lsm_member!(self.0, sock_type as u16)
    }

    /// `IPPROTO_…`.
    #[inline(always)]
    pub fn protocol(self) -> u16 {
        lsm_member!(self.0, sock_protocol as u16)
    }

    /// Its own end: address and port.
    #[inline(always)]
    pub fn local(self) -> (Address, u16) {
        let address = if self.family() == AF_INET6 {
            v6(lsm_behind!(self.0, sock_address6 as [u32; 4]))
        } else {
            v4(lsm_behind!(self.0, sock_address4 as u32))
        };
        // In host byte order, other than the peer's.
        (address, lsm_behind!(self.0, sock_port as u16))
    }

    /// The end that it is connected to: address and port.
    #[inline(always)]
    pub fn remote(self) -> (Address, u16) {
        let address = if self.family() == AF_INET6 {
            v6(lsm_behind!(self.0, peer_address6 as [u32; 4]))
        } else {
            v4(lsm_behind!(self.0, peer_address4 as u32))
        };
        (address, u16::from_be(lsm_behind!(self.0, peer_port as u16)))
    }

    /// The v2 cgroup of the task that made it, or of its listener. The socket holds the cgroup.
    #[inline(always)]
    pub fn cgroup(self) -> Cgroup {
        Cgroup::new(member!(self.0, sock_cgroup as *const u8))
    }
}

/// An address of an Internet socket, as calls name it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Name {
    family: u16,
    port: u16,
    /// That of IPv4, or what IPv6 calls the flow.
    v4: u32,
    v6: [u32; 4],
}

/// A `struct msghdr`: what is sent.
#[derive(Clone, Copy)]
pub struct Message(*const u8);

impl Message {
    /// Wraps a pointer that the kernel passed as a `struct msghdr *`.
    #[inline(always)]
    pub fn new(message: *const u8) -> Self {
        Self(message)
    }

    /// Whether it says where to.
    #[inline(always)]
    pub fn is_addressed(self) -> bool {
        lsm_member!(self.0, message_name as u64) != 0
    }

    /// Where to, written to `address` and `port`. `false` if that is no Internet address. The kernel has copied
    /// it (`move_addr_to_kernel`).
    #[inline(always)]
    pub fn destination(self, address: &mut Address, port: &mut u16) -> bool {
        let name = lsm_member!(self.0, message_name as u64);
        let length = lsm_member!(self.0, message_name_length as u32) as usize;
        if length < 8 {
            return false;
        }
        let name: Name = super::read(core::ptr::without_provenance(name as usize), 0);
        *port = u16::from_be(name.port);
        match name.family {
            AF_INET6 => *address = v6(name.v6),
            // Unspecified counts as IPv4 (`udp_sendmsg`).
            AF_INET | 0 => *address = v4(name.v4),
            _ => return false,
        }
        name.family != AF_INET6 || length >= size_of::<Name>()
    }
}

#[inline(always)]
fn v4(address: u32) -> Address {
    Address::from_v4(u32::from_be(address)).canonical()
}

#[inline(always)]
fn v6([a, b, c, d]: [u32; 4]) -> Address {
    let half = |hi: u32, lo: u32| u64::from(u32::from_be(hi)) << 32 | u64::from(u32::from_be(lo));
    Address::from_v6(half(a, b), half(c, d)).canonical()
}
