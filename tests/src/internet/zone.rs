//! What the scripted name server says of which name.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use super::addresses::{
    API, API6, CDN, ELSEWHERE, ELSEWHERE6, FORGED, NEXT, PAPERS, SHARED, TUNNEL, crowd,
};
use crate::{
    dns::{A, AAAA, Record, TXT},
    world::addresses::{FORBIDDEN4, FORBIDDEN6, LINK_LOCAL, METADATA, NAT64},
};

/// What is said of a name.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// These records, each with its name and its seconds.
    Says(Vec<(String, u32, Record)>),
    /// There is no such name.
    Unknown,
    /// Forged answers from elsewhere and wrong ones, all of which come before the right one.
    Forged(Vec<(String, u32, Record)>),
    /// Nothing.
    Silence,
    /// It takes so long.
    Late(Duration, Vec<(String, u32, Record)>),
    /// Bytes that are no message, after the id.
    Garbage,
    /// An answer whose answers are cut off, though it says that they are there.
    CutOff,
}

/// Seconds that most records may be kept.
pub const TTL: u32 = 300;
/// The first of the addresses of names that begin with a number.
pub const NUMBERED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0);

/// Names with their addresses and seconds. A dot before a name means every name beneath it.
const ADDRESSES: &[(&str, u32, &[IpAddr])] = &[
    ("api.agents.example", TTL, &[API, API6]),
    ("other.agents.example", TTL, &[CDN]),
    ("second.agents.example", TTL, &[API, API6]),
    ("records.agents.example", TTL, &[API]),
    ("observed.agents.example", TTL, &[ELSEWHERE]),
    // The same machines, another site.
    ("hidden.elsewhere.example", TTL, &[API, API6]),
    ("cdn.elsewhere.example", TTL, &[CDN]),
    ("www.elsewhere.example", TTL, &[ELSEWHERE, ELSEWHERE6]),
    (".papers.example", TTL, &[PAPERS]),
    ("papers.example", TTL, &[PAPERS]),
    ("good.shared.example", TTL, &[SHARED]),
    ("bad.shared.example", TTL, &[SHARED]),
    ("brief.agents.example", 1, &[API]),
    ("zero.agents.example", 0, &[API]),
    ("eternal.agents.example", 0x7fff_ffff, &[API]),
    ("negative.agents.example", 0x8000_0001, &[API]),
    // Addresses that no name has any business to have.
    ("private.agents.example", TTL, &[FORBIDDEN4]),
    ("inside.agents.example", TTL, &[FORBIDDEN4]),
    ("metadata.agents.example", TTL, &[METADATA]),
    (
        "loopback.agents.example",
        TTL,
        &[
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ],
    ),
    (
        "loopback-elsewhere.agents.example",
        TTL,
        &[IpAddr::V4(Ipv4Addr::new(127, 1, 2, 3))],
    ),
    (
        "unspecified.agents.example",
        TTL,
        &[
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ],
    ),
    ("unique-local.agents.example", TTL, &[FORBIDDEN6]),
    ("link-local.agents.example", TTL, &[LINK_LOCAL]),
    ("nat64.agents.example", TTL, &[NAT64]),
    (
        "6to4.agents.example",
        TTL,
        &[crate::world::addresses::SIX_TO_FOUR],
    ),
    (
        "mapped.agents.example",
        TTL,
        &[IpAddr::V6(Ipv6Addr::new(
            0, 0, 0, 0, 0, 0xffff, 0x0a4d, 0x0003,
        ))],
    ),
    (
        "shared-space.agents.example",
        TTL,
        &[IpAddr::V4(Ipv4Addr::new(100, 64, 0, 1))],
    ),
    (
        "multicast.agents.example",
        TTL,
        &[IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251))],
    ),
    ("mixed.agents.example", TTL, &[FORBIDDEN4, API]),
    (".tunnel.example", 0, &[TUNNEL]),
    // What programs are sent to where a host must not resolve elsewhere.
    ("dns.example", TTL, &[super::addresses::PUBLIC_RESOLVER]),
];

/// Names that are other names.
const ALIASES: &[(&str, &str)] = &[
    ("alias.agents.example", "cdn.elsewhere.example"),
    ("chain.agents.example", "one.chain.example"),
    ("one.chain.example", "two.chain.example"),
    ("two.chain.example", "three.chain.example"),
    ("three.chain.example", "cdn.elsewhere.example"),
    ("loop.agents.example", "pool.agents.example"),
    ("pool.agents.example", "loop.agents.example"),
    ("inward.agents.example", "private.elsewhere.example"),
];

/// What is said of a name in lower case. `asked` counts the questions so far, `moved` says whether names are elsewhere by now.
pub(super) fn script(name: &str, kind: u16, asked: u32, moved: bool) -> Script {
    let one = |address: IpAddr| Script::Says(records(name, kind, TTL, &[address]));
    match name {
        "moving.agents.example" => one(if moved { NEXT } else { API }),
        "rotating.agents.example" => match crowd().nth(asked as usize % 100) {
            Some(address) => Script::Says(records(name, kind, 1, &[address])),
            None => Script::Unknown,
        },
        "crowd.agents.example" => {
            let addresses: Vec<_> = crowd().collect();
            Script::Says(records(name, kind, TTL, &addresses))
        }
        "forged.agents.example" => Script::Forged(records(name, kind, TTL, &[API])),
        "silent.agents.example" => Script::Silence,
        "late.agents.example" => {
            Script::Late(Duration::from_millis(400), records(name, kind, TTL, &[API]))
        }
        "garbage.agents.example" => Script::Garbage,
        "cut.agents.example" => Script::CutOff,
        // The answer is about a name that was not asked.
        "unasked.agents.example" => {
            let mut said = records(name, kind, TTL, &[API]);
            said.extend(records("other.agents.example", kind, TTL, &[ELSEWHERE]));
            Script::Says(said)
        }
        "private.elsewhere.example" => one(FORBIDDEN4),
        _ => known(name, kind),
    }
}

fn known(name: &str, kind: u16) -> Script {
    if let Some(chain) = chain(name, kind) {
        return Script::Says(chain);
    }
    if let Some(number) = numbered(name) {
        let address = Ipv6Addr::from_bits(NUMBERED.to_bits() + u128::from(number));
        return Script::Says(records(name, kind, TTL, &[address.into()]));
    }
    let says = |of: &str| match of.strip_prefix('.') {
        Some(_) => name.ends_with(of),
        None => name == of,
    };
    match ADDRESSES.iter().find(|(of, _, _)| says(of)) {
        // Whatever is asked there is answered: that is how data comes back through a tunnel.
        Some((_, ttl, _)) if kind != A && kind != AAAA && name.ends_with(".tunnel.example") => {
            Script::Says(vec![(name.to_owned(), *ttl, back(kind))])
        }
        Some((_, ttl, _)) if kind == TXT => Script::Says(vec![(name.to_owned(), *ttl, back(kind))]),
        Some((_, ttl, addresses)) => Script::Says(records(name, kind, *ttl, addresses)),
        None => Script::Unknown,
    }
}

/// Something that comes back.
fn back(kind: u16) -> Record {
    match kind {
        TXT => Record::Text(b"something that comes back".to_vec()),
        _ => Record::Raw(kind, b"something that comes back".to_vec()),
    }
}

/// `n17.numbered.agents.example`.
fn numbered(name: &str) -> Option<u16> {
    let number = name.strip_suffix(".numbered.agents.example")?;
    number.strip_prefix('n')?.parse().ok()
}

/// The name after name to which an alias leads, and what is there.
fn chain(name: &str, kind: u16) -> Option<Vec<(String, u32, Record)>> {
    let alias = |of: &str| ALIASES.iter().find(|(from, _)| *from == of);
    let (mut said, mut here) = (Vec::new(), name);
    while let Some((from, to)) = alias(here) {
        said.push(((*from).to_owned(), TTL, Record::Alias((*to).to_owned())));
        here = to;
        if here == name {
            return Some(said);
        }
    }
    if said.is_empty() {
        return None;
    }
    if let Script::Says(rest) = script(here, kind, 0, false) {
        said.extend(rest);
    }
    Some(said)
}

/// Those of the addresses that are of the kind that was asked.
fn records(name: &str, kind: u16, ttl: u32, addresses: &[IpAddr]) -> Vec<(String, u32, Record)> {
    let asked =
        |address: &&IpAddr| (kind == A && address.is_ipv4()) || (kind == AAAA && address.is_ipv6());
    let addresses = addresses.iter().filter(asked);
    addresses
        .map(|address| (name.to_owned(), ttl, Record::Address(*address)))
        .collect()
}

/// What forged answers say.
pub(super) fn forged(name: &str) -> Vec<(String, u32, Record)> {
    vec![(name.to_owned(), TTL, Record::Address(FORGED))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, kind: u16) -> Vec<(String, u32, Record)> {
        match script(name, kind, 0, false) {
            Script::Says(said) => said,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn an_alias_leads_to_addresses() {
        let said = said("chain.agents.example", A);
        assert_eq!(said.len(), 5);
        assert!(matches!(said[4].2, Record::Address(CDN)));
    }

    #[test]
    fn an_alias_of_itself_ends() {
        assert_eq!(said("loop.agents.example", A).len(), 2);
    }

    #[test]
    fn everything_beneath_a_name_has_its_address() {
        assert_eq!(said("a.b.papers.example", A).len(), 1);
        assert!(matches!(
            script("xpapers.example", A, 0, false),
            Script::Unknown
        ));
    }

    #[test]
    fn numbers_have_their_own_addresses() {
        let said = said("n258.numbered.agents.example", AAAA);
        let Record::Address(address) = said[0].2 else {
            panic!("no address");
        };
        assert_eq!(address.to_string(), "2001:db8:77::102");
    }
}
