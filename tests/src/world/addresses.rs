//! The addresses of the world. Every one of them answers at the far side.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The agents' side.
pub const NEAR4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
/// The agents' side.
pub const NEAR6: IpAddr = v6(0xfd77, 0, 0, 1);
/// Allowed by the scopes of the suite.
pub const ALLOWED4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2));
/// Never allowed by a scope of the suite, unless the case says so.
pub const FORBIDDEN4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 3));
/// A third host, for rules about neighbours.
pub const OTHER4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 4));
/// The clouds' metadata service.
pub const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// Allowed by the scopes of the suite.
pub const ALLOWED6: IpAddr = v6(0xfd77, 0, 0, 2);
/// Never allowed by a scope of the suite, unless the case says so.
pub const FORBIDDEN6: IpAddr = v6(0xfd77, 0, 0, 3);
/// Link-local, on the far end of the veth pair.
pub const LINK_LOCAL: IpAddr = v6(0xfe80, 0, 0, 0x77);
/// NAT64 form of [`FORBIDDEN4`].
pub const NAT64: IpAddr = v6(0x64, 0xff9b, 0x0a4d, 0x0003);
/// 6to4 form of [`FORBIDDEN4`].
pub const SIX_TO_FOUR: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2002, 0x0a4d, 0x0003, 0, 0, 0, 0, 0));

/// All of them at the far side, with the prefix length under which they are assigned.
pub const FAR: &[(IpAddr, u8)] = &[
    (ALLOWED4, 24),
    (FORBIDDEN4, 24),
    (OTHER4, 24),
    (METADATA, 32),
    (ALLOWED6, 64),
    (FORBIDDEN6, 64),
    (LINK_LOCAL, 64),
    (NAT64, 128),
    (SIX_TO_FOUR, 128),
];

/// The port of the far services (TCP and UDP echo).
pub const PORT: u16 = 7001;
/// A second one.
pub const SECOND_PORT: u16 = 7002;
/// First of a range of three that scopes allow.
pub const RANGE_FIRST: u16 = 7010;
/// Last of that range.
pub const RANGE_LAST: u16 = 7012;
/// Just after it.
pub const AFTER_RANGE: u16 = 7013;
/// Just before it.
pub const BEFORE_RANGE: u16 = 7009;

/// Every port of the far services.
pub const PORTS: &[u16] = &[
    PORT,
    SECOND_PORT,
    BEFORE_RANGE,
    RANGE_FIRST,
    7011,
    RANGE_LAST,
    AFTER_RANGE,
];

/// `a:b::c:d`.
const fn v6(a: u16, b: u16, c: u16, d: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, c, d))
}
