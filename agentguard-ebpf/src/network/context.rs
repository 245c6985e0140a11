//! What the address hooks are told, in the decision's terms.

use agentguard_common::{address::Address, decision::Endpoint, protocol::Protocol};
use aya_ebpf::{
    bindings::{bpf_sock, bpf_sock_addr},
    cty::c_void,
};

/// `AF_INET6`.
const AF_INET6: u32 = 10;
/// `TCP_CLOSE`.
const CLOSE: u32 = 7;

/// The context of a `connect`, `sendmsg` or `bind` hook.
#[derive(Clone, Copy)]
pub struct Call(pub *mut bpf_sock_addr);

impl Call {
    /// The socket.
    #[inline(always)]
    pub fn socket(self) -> *mut c_void {
        // SAFETY: the context is valid; the verifier gives the field its type.
        unsafe { (*self.0).__bindgen_anon_1.sk.cast() }
    }

    /// `AF_…` of the socket.
    #[inline(always)]
    pub fn family(self) -> u16 {
        // SAFETY: the context is valid.
        unsafe { (*self.0).family as u16 }
    }

    /// `SOCK_…`.
    #[inline(always)]
    pub fn socket_type(self) -> u16 {
        // SAFETY: the context is valid.
        unsafe { (*self.0).type_ as u16 }
    }

    /// `IPPROTO_…`.
    #[inline(always)]
    pub fn protocol(self) -> u16 {
        // SAFETY: the context is valid.
        unsafe { (*self.0).protocol as u16 }
    }

    /// The port of the call's address, in host byte order.
    #[inline(always)]
    pub fn port(self) -> u16 {
        // SAFETY: the context is valid; the field holds the port in network byte order.
        u16::from_be(unsafe { (*self.0).user_port } as u16)
    }

    /// The call's IPv4 address, as written.
    #[inline(always)]
    pub fn v4(self) -> Address {
        // SAFETY: the context is valid; the field is in network byte order.
        Address::from_v4(u32::from_be(unsafe { (*self.0).user_ip4 }))
    }

    /// The call's IPv6 address, as written.
    #[inline(always)]
    pub fn v6(self) -> Address {
        // SAFETY: the context is valid; the words are in network byte order, and are read one by
        // one because the verifier permits no other access.
        let [a, b, c, d] = unsafe {
            let words = &raw const (*self.0).user_ip6;
            let words = words.cast::<u32>();
            [
                words.read_volatile(),
                words.add(1).read_volatile(),
                words.add(2).read_volatile(),
                words.add(3).read_volatile(),
            ]
        };
        v6(a, b, c, d)
    }

    /// Replaces the call's IPv4 address and port. `address` is one.
    #[inline(always)]
    pub fn set_v4(self, address: Address, port: u16) {
        // SAFETY: the context is valid, and both may be written as words; they are in network byte order.
        unsafe {
            (&raw mut (*self.0).user_ip4).write_volatile((address.lo as u32).to_be());
            (&raw mut (*self.0).user_port).write_volatile(u32::from(port.to_be()));
        }
    }

    /// Replaces the call's IPv6 address and port.
    #[inline(always)]
    pub fn set_v6(self, address: Address, port: u16) {
        let [a, b, c, d] = words(address);
        // SAFETY: as above.
        unsafe {
            let to = (&raw mut (*self.0).user_ip6).cast::<u32>();
            to.write_volatile(a);
            to.add(1).write_volatile(b);
            to.add(2).write_volatile(c);
            to.add(3).write_volatile(d);
            (&raw mut (*self.0).user_port).write_volatile(u32::from(port.to_be()));
        }
    }

    /// Whether a stream socket is not connected and does not listen. The kernel holds the socket's
    /// lock while it asks.
    #[inline(always)]
    pub fn is_closed(self) -> bool {
        // SAFETY: the context is valid; the verifier gives the field its type.
        unsafe { (*(*self.0).__bindgen_anon_1.sk).state == CLOSE }
    }

    /// The socket's own end.
    #[inline(always)]
    pub fn local(self) -> Local {
        // SAFETY: the context is valid; the verifier gives the field its type.
        Local::of(unsafe { (*self.0).__bindgen_anon_1.sk })
    }

    /// The end that the call names, at `address`. `None` if no rule can speak of its protocol.
    #[inline(always)]
    pub fn endpoint(self, address: Address) -> Option<Endpoint> {
        let protocol = Protocol::from_number(self.protocol() as u8)?;
        // MPTCP and others have numbers beyond a byte.
        if self.protocol() > u16::from(u8::MAX) {
            return None;
        }
        Some(Endpoint {
            address,
            protocol,
            port: if protocol.has_ports() { self.port() } else { 0 },
        })
    }
}

/// A socket's own end.
#[derive(Clone, Copy)]
pub struct Local {
    /// Its address; [unspecified](Local::is_unspecified) if it has none yet.
    pub address: Address,
    /// Its port, in host byte order; 0 if it has none yet.
    pub port: u16,
}

impl Local {
    /// Of a socket that the verifier knows.
    #[inline(always)]
    pub fn of(sk: *mut bpf_sock) -> Self {
        // SAFETY: the pointer is valid; addresses are in network byte order, the port is not.
        unsafe {
            let address = if (*sk).family == AF_INET6 {
                let [a, b, c, d] = (*sk).src_ip6;
                v6(a, b, c, d)
            } else {
                Address::from_v4(u32::from_be((*sk).src_ip4))
            };
            Self {
                address: address.canonical(),
                port: (*sk).src_port as u16,
            }
        }
    }

    /// Whether the address is the unspecified one of either family.
    #[inline(always)]
    pub fn is_unspecified(self) -> bool {
        self.address == Address::MIN || matches!(self.address.v4(), Some(0))
    }
}

/// The four words of an IPv6 address, in network byte order.
#[inline(always)]
pub fn words(address: Address) -> [u32; 4] {
    let (hi, lo) = (address.hi.to_be(), address.lo.to_be());
    [hi as u32, (hi >> 32) as u32, lo as u32, (lo >> 32) as u32]
}

/// An address from the four words of an IPv6 address, in network byte order.
#[inline(always)]
pub fn v6(a: u32, b: u32, c: u32, d: u32) -> Address {
    Address::from_v6(
        u64::from(u32::from_be(a)) << 32 | u64::from(u32::from_be(b)),
        u64::from(u32::from_be(c)) << 32 | u64::from(u32::from_be(d)),
    )
}
