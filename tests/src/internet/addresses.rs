//! The addresses of the Internet: those that documentation is written with (RFC 5737, RFC 3849), so that what
//! escaped from here would arrive nowhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The name server that a script answers for. The daemon's resolver asks it.
pub const SERVER: IpAddr = v4(53);
/// Likewise.
pub const SERVER6: IpAddr = v6(0x53);
/// Somebody else, from whom the script sends answers that are forged.
pub const FORGER: IpAddr = v4(66);
/// Where `unbound` answers.
pub const UNBOUND: IpAddr = v4(54);
/// Where `dnsmasq` answers.
pub const DNSMASQ: IpAddr = v4(55);
/// `api.agents.example`, and whatever else is on the same machines.
pub const API: IpAddr = v4(10);
/// Likewise.
pub const API6: IpAddr = v6(0x10);
/// Where `cdn.elsewhere.example` is, to which other names lead.
pub const CDN: IpAddr = v4(20);
/// `*.papers.example`.
pub const PAPERS: IpAddr = v4(30);
/// Where names change to.
pub const NEXT: IpAddr = v4(40);
/// Where nobody's name leads that a scope knows.
pub const ELSEWHERE: IpAddr = v4(50);
/// Likewise.
pub const ELSEWHERE6: IpAddr = v6(0x50);
/// What forged answers say.
pub const FORGED: IpAddr = v4(67);
/// Where `openssl` answers for two names.
pub const SHARED: IpAddr = v4(80);
/// Where a resolver answers over TLS, and over HTTPS.
pub const PUBLIC_RESOLVER: IpAddr = v4(90);
/// Where the end of a tunnel is.
pub const TUNNEL: IpAddr = v4(91);
/// The first of [`CROWD_SIZE`] addresses that one name has.
pub const CROWD: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// How many addresses it has.
pub const CROWD_SIZE: u8 = 100;

/// All of them, with the prefix length under which they are assigned.
pub const ALL: &[(IpAddr, u8)] = &[
    (SERVER, 32),
    (SERVER6, 128),
    (FORGER, 32),
    (UNBOUND, 32),
    (DNSMASQ, 32),
    (API, 32),
    (API6, 128),
    (CDN, 32),
    (PAPERS, 32),
    (NEXT, 32),
    (ELSEWHERE, 32),
    (ELSEWHERE6, 128),
    (FORGED, 32),
    (SHARED, 32),
    (PUBLIC_RESOLVER, 32),
    (TUNNEL, 32),
];

/// Where something answers on the ports of [`PORTS`].
pub const SERVED: &[IpAddr] = &[
    API,
    API6,
    CDN,
    PAPERS,
    NEXT,
    ELSEWHERE,
    ELSEWHERE6,
    FORGED,
    PUBLIC_RESOLVER,
];

/// HTTPS, and QUIC.
pub const HTTPS: u16 = 443;
/// DNS over TLS, and over QUIC.
pub const DNS_OVER_TLS: u16 = 853;
/// TLS on a port where it is not usual.
pub const OTHER_TLS: u16 = 8443;
/// Where they answer, besides [`PORT`](crate::world::addresses::PORT).
pub const PORTS: &[u16] = &[HTTPS, DNS_OVER_TLS, OTHER_TLS];

/// The addresses of the crowd.
pub fn crowd() -> impl Iterator<Item = IpAddr> {
    (0..CROWD_SIZE).map(|number| IpAddr::from(Ipv4Addr::from(CROWD.to_bits() + u32::from(number))))
}

const fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))
}

const fn v6(last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, last))
}
