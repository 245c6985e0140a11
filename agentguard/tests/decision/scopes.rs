//! Random scopes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::{collection::vec, prelude::*, sample::select};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Allow,
    Deny,
    Listen,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hosts {
    V4(Ipv4Addr, u8),
    V6(Ipv6Addr, u8),
    /// `0.0.0.0` in `listen`.
    Every4,
    /// `[::]` in `listen`.
    Everywhere,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) list: List,
    pub(crate) scheme: Option<&'static str>,
    pub(crate) hosts: Hosts,
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) observe: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) observe: bool,
    /// Lists one behind another, as they are written.
    pub(crate) rules: Vec<Rule>,
}

/// Scopes of any length, valid.
pub(crate) fn scope() -> impl Strategy<Value = Scope> {
    let lists = prop_oneof![
        Just([List::Allow, List::Deny, List::Listen]),
        Just([List::Deny, List::Listen, List::Allow]),
        Just([List::Listen, List::Allow, List::Deny]),
    ];
    // Long scopes make sections that need every step of the search.
    let rules = prop_oneof![9 => vec(rule(), 0..30), 1 => vec(rule(), 200..=256)];
    // Some scopes have no observed rule at all: the decision has a way of its own for them.
    let observed = prop_oneof![Just(0.0), Just(0.3), Just(0.8)];
    (prop::bool::weighted(0.2), lists, rules, observed).prop_map(
        |(observe, lists, mut rules, observed)| {
            rules.sort_by_key(|(rule, _)| lists.iter().position(|list| *list == rule.list));
            let rules = rules
                .into_iter()
                .map(|(rule, chance)| Rule {
                    observe: chance < observed,
                    ..rule
                })
                .collect();
            Scope { observe, rules }
        },
    )
}

fn rule() -> impl Strategy<Value = (Rule, f64)> {
    let list = prop_oneof![
        4 => Just(List::Allow),
        2 => Just(List::Deny),
        3 => Just(List::Listen),
    ];
    let scheme = select(vec![
        None,
        None,
        Some("tcp"),
        Some("udp"),
        Some("any"),
        Some("icmp"),
    ]);
    let number = || prop_oneof![select(vec![1, 2, 80, 443, 65534, 65535]), 1..=u16::MAX];
    let ports = prop_oneof![
        2 => Just(None),
        1 => number().prop_map(|port| Some((port, port))),
        2 => (number(), number()).prop_map(|(a, b)| Some((a.min(b), a.max(b)))),
    ];
    (list, scheme, hosts(), ports, 0.0..1.0).prop_map(
        |(list, mut scheme, mut hosts, mut ports, chance)| {
            if scheme == Some("icmp") {
                ports = None;
                if list == List::Listen {
                    scheme = Some("udp");
                }
            }
            // The address that is every address has a meaning of its own in `listen`, and elsewhere
            // none.
            match hosts {
                Hosts::V4(network, length) if network.is_unspecified() && list == List::Listen => {
                    hosts = if length == 0 {
                        Hosts::V4(network, 0)
                    } else {
                        Hosts::Every4
                    };
                }
                Hosts::V6(Ipv6Addr::UNSPECIFIED, _) if list == List::Listen => {
                    hosts = Hosts::Everywhere;
                }
                Hosts::V4(Ipv4Addr::UNSPECIFIED, 32) => hosts = Hosts::V4(Ipv4Addr::LOCALHOST, 32),
                Hosts::V6(Ipv6Addr::UNSPECIFIED, 128) => {
                    hosts = Hosts::V6(Ipv6Addr::LOCALHOST, 128);
                }
                _ => {}
            }
            let rule = Rule {
                list,
                scheme,
                hosts,
                ports,
                observe: false,
            };
            (rule, chance)
        },
    )
}

/// Prefixes of a small world, so that rules overlap.
fn hosts() -> impl Strategy<Value = Hosts> {
    let v4 = (
        select(vec![
            0x0a00_0000_u32,
            0x0a01_0000,
            0x7f00_0000,
            0xc000_0201,
            0xa9fe_a9fe,
            0,
        ]),
        prop_oneof![Just(0), any::<u32>()],
        prop_oneof![select(vec![0_u8, 1, 8, 16, 24, 31, 32]), 0..=32_u8],
    );
    let v6 = (
        select(vec![
            0x2001_0db8_u128 << 96,
            0xfe80 << 112,
            1,
            0,
            0x0064_ff9b << 96,
            0x0064_ff9b_0001 << 80,
            0x2002 << 112,
            0xffff << 32,
            0x1_0000 << 32,
        ]),
        prop_oneof![Just(0), 0..=u128::from(u16::MAX), any::<u128>()],
        prop_oneof![
            select(vec![0_u8, 1, 3, 15, 32, 47, 64, 80, 95, 127, 128]),
            0..=128_u8
        ],
    );
    prop_oneof![
        v4.prop_map(|(base, noise, length)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            Hosts::V4(Ipv4Addr::from_bits((base ^ (noise & 0xff)) & mask), length)
        }),
        v6.prop_map(|(base, noise, length)| {
            let mask = |length: u8| u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            let network = |length| Ipv6Addr::from_bits((base ^ (noise & 0xffff)) & mask(length));
            // Forms that mean IPv4 are refused by the parser: use the widest prefix around them
            // that it takes.
            let embedded = |length| crate::reference::meant(network(length).into()).is_ipv4();
            let limit = match network(length).segments() {
                [0x64, 0xff9b, 1, ..] => 47,
                [0x2002, ..] => 15,
                _ => 95,
            };
            let length = if embedded(length) {
                length.min(limit)
            } else {
                length
            };
            Hosts::V6(network(length), length)
        }),
    ]
}

impl Scope {
    /// The scope as an operator writes it.
    pub(crate) fn text(&self) -> String {
        let mode = |observe: bool| if observe { "observe" } else { "enforce" };
        let mut text = format!(
            "[agent]\nname = \"random\"\nmode = \"{}\"\n",
            mode(self.observe)
        );
        text.push_str("[network]\n");
        for rules in self.rules.chunk_by(|a, b| a.list == b.list) {
            let (list, key) = match rules[0].list {
                List::Allow => ("allow", "to"),
                List::Deny => ("deny", "to"),
                List::Listen => ("listen", "at"),
            };
            text.push_str(list);
            text.push_str(" = [\n");
            for rule in rules {
                let rule = if rule.observe {
                    format!("  {{ {key} = \"{}\", mode = \"observe\" }},\n", rule.text())
                } else {
                    format!("  \"{}\",\n", rule.text())
                };
                text.push_str(&rule);
            }
            text.push_str("]\n");
        }
        text
    }
}

impl Rule {
    fn text(&self) -> String {
        let scheme = self
            .scheme
            .map(|scheme| format!("{scheme}://"))
            .unwrap_or_default();
        let host = match self.hosts {
            Hosts::V4(network, 32) => network.to_string(),
            Hosts::V4(network, length) => format!("{network}/{length}"),
            Hosts::V6(network, length) => format!("[{network}/{length}]"),
            Hosts::Every4 => "0.0.0.0".to_owned(),
            Hosts::Everywhere => "[::]".to_owned(),
        };
        let ports = match self.ports {
            None => String::new(),
            Some((first, last)) if first == last => format!(":{first}"),
            Some((first, last)) => format!(":{first}-{last}"),
        };
        format!("{scheme}{host}{ports}")
    }

    /// First and last address.
    pub(crate) fn bounds(&self) -> (IpAddr, IpAddr) {
        match self.hosts {
            Hosts::V4(network, length) => {
                let last = network.to_bits() | u32::MAX.checked_shr(length.into()).unwrap_or(0);
                (network.into(), Ipv4Addr::from_bits(last).into())
            }
            Hosts::V6(network, length) => {
                let last = network.to_bits() | u128::MAX.checked_shr(length.into()).unwrap_or(0);
                (network.into(), Ipv6Addr::from_bits(last).into())
            }
            Hosts::Every4 => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into()),
            Hosts::Everywhere => (
                Ipv6Addr::UNSPECIFIED.into(),
                Ipv6Addr::from_bits(u128::MAX).into(),
            ),
        }
    }
}
