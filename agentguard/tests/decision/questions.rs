//! Questions that lie at the edges of a scope's rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use agentguard_common::{address::Address, protocol::Protocol};
use proptest::{collection::vec, prelude::*};

use crate::scopes::{Rule, Scope, scope};

/// One question for each operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) protocol: Protocol,
    pub(crate) to: IpAddr,
    pub(crate) to_port: u16,
    pub(crate) local: IpAddr,
    pub(crate) local_port: u16,
    pub(crate) same_agent: bool,
}

/// A scope, and what its questions are made from.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) scope: Scope,
    seeds: Vec<Seed>,
}

/// Choices of one question, independent of the scope.
#[derive(Clone, Copy, Debug)]
struct Seed {
    protocol: Protocol,
    same_agent: bool,
    to: End,
    local: End,
}

#[derive(Clone, Copy, Debug)]
struct End {
    rule: usize,
    /// Which edge of the rule, how the address is spelled, which edge of the ports.
    edge: u8,
    spelling: u8,
    port: u8,
    random: u128,
}

/// The address in the form of the shared code, not yet canonical.
pub(crate) fn canonical(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(v4) => Address::from_v4(v4.to_bits()),
        IpAddr::V6(v6) => {
            let bytes = v6.octets().map(u64::from);
            let half = |bytes: &[u64]| bytes.iter().fold(0, |number, byte| number << 8 | byte);
            Address::from_v6(half(&bytes[..8]), half(&bytes[8..]))
        }
    }
}

pub(crate) fn case(questions: usize) -> impl Strategy<Value = Case> {
    (scope(), vec(seed(), questions)).prop_map(|(scope, seeds)| Case { scope, seeds })
}

fn seed() -> impl Strategy<Value = Seed> {
    let protocol = prop_oneof![
        5 => Just(Protocol::Tcp),
        3 => Just(Protocol::Udp),
        2 => Just(Protocol::Icmp),
    ];
    (protocol, any::<bool>(), end(), end()).prop_map(|(protocol, same_agent, to, local)| Seed {
        protocol,
        same_agent,
        to,
        local,
    })
}

fn end() -> impl Strategy<Value = End> {
    (
        any::<usize>(),
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<u128>(),
    )
        .prop_map(|(rule, edge, spelling, port, random)| End {
            rule,
            edge,
            spelling,
            port,
            random,
        })
}

impl Case {
    /// The questions about the scope.
    pub(crate) fn questions(&self) -> impl Iterator<Item = Question> {
        self.seeds.iter().map(|seed| {
            let port = |end: &End| match seed.protocol {
                Protocol::Icmp => 0,
                _ => end.port(&self.scope),
            };
            Question {
                protocol: seed.protocol,
                same_agent: seed.same_agent,
                to: seed.to.address(&self.scope),
                to_port: port(&seed.to),
                local: seed.local.address(&self.scope),
                local_port: port(&seed.local),
            }
        })
    }
}

impl End {
    fn rule<'a>(&self, scope: &'a Scope) -> Option<&'a Rule> {
        scope.rules.get(self.rule % scope.rules.len().max(1))
    }

    /// An address at an edge of a rule, inside it, or anywhere, in one of its spellings.
    #[expect(clippy::cast_possible_truncation, reason = "random bits are cut out")]
    fn address(&self, scope: &Scope) -> IpAddr {
        let (first, last) = match self.rule(scope) {
            Some(rule) => rule.bounds(),
            None => (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()),
        };
        let step = |address: IpAddr, by: i8| -> IpAddr {
            match address {
                IpAddr::V4(v4) => {
                    Ipv4Addr::from_bits(v4.to_bits().wrapping_add_signed(by.into())).into()
                }
                IpAddr::V6(v6) => {
                    Ipv6Addr::from_bits(v6.to_bits().wrapping_add_signed(by.into())).into()
                }
            }
        };
        let address = match self.edge % 16 {
            0..=2 => first,
            3..=5 => last,
            6 | 7 => step(first, -1),
            8 | 9 => step(last, 1),
            10 => step(first, 1),
            11 => match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    let width = last.to_bits() - first.to_bits();
                    Ipv4Addr::from_bits(first.to_bits() | self.random as u32 & width).into()
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    let width = last.to_bits() - first.to_bits();
                    Ipv6Addr::from_bits(first.to_bits() | self.random & width).into()
                }
                _ => first,
            },
            12 => Ipv4Addr::from_bits(0x7f00_0000 | self.random as u32 & 0xff).into(),
            13 => Ipv6Addr::from_bits(self.random & 1).into(),
            14 => Ipv4Addr::from_bits(self.random as u32).into(),
            _ => Ipv6Addr::from_bits(self.random).into(),
        };
        match address {
            IpAddr::V4(v4) => self.spelled(v4),
            IpAddr::V6(_) => address,
        }
    }

    /// One of the forms that mean an IPv4 address.
    fn spelled(&self, v4: Ipv4Addr) -> IpAddr {
        let bits = u128::from(v4.to_bits());
        // Bits that do not matter, above or below the address.
        let middle = self.random & (0xffff_ffff_ffff << 32);
        let tail = self.random & 0xffff_ffff_ffff_ffff_ffff;
        let v6 = match self.spelling % 8 {
            0 => 0xffff << 32 | bits,
            1 => 0x0064_ff9b << 96 | bits,
            2 => 0x0064_ff9b_0001 << 80 | middle | bits,
            3 => 0x2002 << 112 | bits << 80 | tail,
            // Looks like one, and is none: the forms with one bit more.
            4 => 0x1_ffff << 32 | bits,
            _ => return v4.into(),
        };
        Ipv6Addr::from_bits(v6).into()
    }

    fn port(&self, scope: &Scope) -> u16 {
        let (first, last) = self
            .rule(scope)
            .and_then(|rule| rule.ports)
            .unwrap_or((1, u16::MAX));
        match self.port % 10 {
            0..=2 => first,
            3 | 4 => last,
            5 => first - 1,
            6 => last.wrapping_add(1),
            7 => u16::midpoint(first, last),
            8 => 443,
            _ => 0,
        }
    }
}
