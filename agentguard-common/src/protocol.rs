//! Transport protocols that a rule can name.

/// `IPPROTO_ICMP`.
pub const ICMP: u8 = 1;
/// `IPPROTO_TCP`.
pub const TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub const UDP: u8 = 17;
/// `IPPROTO_ICMPV6`.
pub const ICMPV6: u8 = 58;

/// A protocol that rules speak of.
///
/// The discriminants are the IANA numbers, and the high part of a [port key](port_key): they are
/// ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Protocol {
    /// ICMP for IPv4 and for IPv6. It has no ports; its port is 0.
    Icmp = ICMP,
    /// TCP.
    Tcp = TCP,
    /// UDP.
    Udp = UDP,
}

impl Protocol {
    /// Every protocol that a rule can name, in ascending order of its number.
    pub const ALL: [Self; 3] = [Self::Icmp, Self::Tcp, Self::Udp];

    /// The protocol of an IANA number, or `None` if no rule can allow it.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            ICMP | ICMPV6 => Some(Self::Icmp),
            TCP => Some(Self::Tcp),
            UDP => Some(Self::Udp),
            _ => None,
        }
    }

    /// Its name in scopes and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Whether the protocol has ports.
    pub const fn has_ports(self) -> bool {
        !matches!(self, Self::Icmp)
    }
}

/// The position of (protocol, port) on the axis that the port section of a scope divides into
/// intervals. `port` is in host byte order.
#[inline(always)]
pub const fn port_key(protocol: Protocol, port: u16) -> u64 {
    ((protocol as u64) << 16) | port as u64
}
