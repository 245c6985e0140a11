//! What a rule matches.

use agentguard_common::protocol::Protocol;

use super::{names::Name, prefix::Prefix};

/// Addresses, ports and protocols: what a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The protocols.
    pub scheme: Scheme,
    /// The addresses.
    pub hosts: Hosts,
    /// The ports; nothing is every port.
    pub ports: Option<Ports>,
}

impl Destination {
    /// Whether the rule matches a protocol. ICMP has no ports: a rule that names a port does not
    /// match it.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        match self.scheme {
            Scheme::Any => protocol.has_ports() || self.ports.is_none(),
            Scheme::One(only) => only == protocol,
        }
    }

    /// Whether the rule matches a port of a protocol. ICMP has none, whatever is asked.
    pub fn holds(&self, protocol: Protocol, port: u16) -> bool {
        let is_within = |ports: &Ports| (ports.first..=ports.last).contains(&port);
        self.speaks(protocol) && (!protocol.has_ports() || self.ports.iter().all(is_within))
    }
}

/// The protocols of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Every protocol that a rule can name.
    Any,
    /// One.
    One(Protocol),
}

impl Scheme {
    /// The names of schemes.
    pub const NAMES: [&'static str; 4] = ["tcp", "udp", "icmp", "any"];

    /// The scheme of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "tcp" => Some(Self::One(Protocol::Tcp)),
            "udp" => Some(Self::One(Protocol::Udp)),
            "icmp" => Some(Self::One(Protocol::Icmp)),
            "any" => Some(Self::Any),
            _ => None,
        }
    }
}

/// The addresses of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// The addresses of a prefix. An IPv6 prefix holds no IPv4 address, however short it is.
    Prefix(Prefix),
    /// Every address of both families: `[::]` in `listen`, where a socket serves both.
    Everywhere,
    /// The addresses that agentguard's resolver gave the agent for a name.
    Name(Name),
}

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The lowest, from 1.
    pub first: u16,
    /// The highest.
    pub last: u16,
}
