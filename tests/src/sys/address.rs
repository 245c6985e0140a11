//! Socket addresses as the kernel reads them.

use std::{io, net::SocketAddr};

/// A `struct sockaddr` of any family. The family can be a wrong one: techniques need that.
#[derive(Clone, Copy)]
pub struct SockAddr {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

/// The size of `T` as the kernel's length type.
#[expect(
    clippy::cast_possible_truncation,
    reason = "address structures are small"
)]
pub(super) const fn len_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

/// A family number in the type of the address structures.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "families are below 64"
)]
const fn family_of(family: libc::c_int) -> libc::sa_family_t {
    family as libc::sa_family_t
}

impl SockAddr {
    /// An address whose bytes are those of `value`, a plain C address structure.
    pub fn from_structure<T: Copy>(value: T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        // SAFETY: all-zero bytes are a valid sockaddr_storage, which is plain old data.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        // SAFETY: the storage is at least as large as T (asserted above) and aligned for every
        // address structure, and both are plain old data.
        unsafe { std::ptr::write((&raw mut storage).cast::<T>(), value) };
        Self {
            storage,
            len: len_of::<T>(),
        }
    }

    /// The address of a Unix socket: a path, or `@` and an abstract name.
    pub fn unix(name: &str) -> io::Result<Self> {
        let mut address = libc::sockaddr_un {
            sun_family: family_of(libc::AF_UNIX),
            sun_path: [0; 108],
        };
        let bytes = name.as_bytes();
        // A path ends with a zero byte, an abstract name begins with one and ends with the address.
        let is_abstract = name.starts_with('@');
        let used = bytes.len() + usize::from(!is_abstract);
        if used > address.sun_path.len() {
            return Err(io::Error::other(format!("{name} is too long for a socket")));
        }
        for (to, from) in address.sun_path.iter_mut().zip(bytes) {
            *to = from.cast_signed();
        }
        if is_abstract {
            address.sun_path[0] = 0;
        }
        let used = libc::socklen_t::try_from(used).map_err(io::Error::other)?;
        let mut whole = Self::from_structure(address);
        whole.len = len_of::<libc::sa_family_t>() + used;
        Ok(whole)
    }

    /// `AF_UNSPEC`: dissolves a datagram association.
    pub fn unspecified_family() -> Self {
        Self::from_structure(libc::sockaddr {
            sa_family: family_of(libc::AF_UNSPEC),
            sa_data: [0; 14],
        })
    }

    /// The same bytes under another family.
    #[must_use]
    pub fn with_family(mut self, family: libc::c_int) -> Self {
        self.storage.ss_family = family_of(family);
        self
    }

    /// For the kernel to read.
    pub fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// For the kernel to write.
    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::sockaddr {
        (&raw mut self.storage).cast()
    }

    /// Bytes in use.
    pub const fn size(&self) -> libc::socklen_t {
        self.len
    }

    /// An address for the kernel to write into.
    pub(super) fn empty() -> Self {
        let mut address = Self::unspecified_family();
        address.len = len_of::<libc::sockaddr_storage>();
        address
    }

    /// Where the kernel writes the length.
    pub(super) fn len_mut(&mut self) -> *mut libc::socklen_t {
        &raw mut self.len
    }

    /// The type of a packet, from the address that a packet socket gives with it.
    pub fn packet_type(&self) -> Option<u8> {
        if libc::c_int::from(self.storage.ss_family) != libc::AF_PACKET {
            return None;
        }
        // SAFETY: the family says that the storage holds a sockaddr_ll.
        Some(unsafe { *(&raw const self.storage).cast::<libc::sockaddr_ll>() }.sll_pkttype)
    }

    /// The address, if it is an Internet one.
    pub fn internet(&self) -> Option<SocketAddr> {
        match libc::c_int::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says that the storage holds a sockaddr_in.
                let v4 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in>() };
                let ip = std::net::Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some((ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: the family says that the storage holds a sockaddr_in6.
                let v6 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in6>() };
                let ip = std::net::Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some((ip, u16::from_be(v6.sin6_port)).into())
            }
            _ => None,
        }
    }
}

impl From<SocketAddr> for SockAddr {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::from_structure(libc::sockaddr_in {
                sin_family: family_of(libc::AF_INET),
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*v4.ip()).to_be(),
                },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(v6) => Self::from_structure(libc::sockaddr_in6 {
                sin6_family: family_of(libc::AF_INET6),
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo().to_be(),
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            }),
        }
    }
}
