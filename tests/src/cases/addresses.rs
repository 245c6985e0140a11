//! N05–N08: the many spellings of an address.

use super::{
    scopes::{ALL_IPV4, ALL_IPV6, GUARDED, HOLES},
    table::{by_rule, no_rule, permitted, refused},
};
use crate::{
    harness::Group,
    world::{
        LOCALHOST,
        addresses::{
            ALLOWED4, ALLOWED6, FORBIDDEN4, FORBIDDEN6, LINK_LOCAL, METADATA, NAT64, NEAR4,
            SIX_TO_FOUR,
        },
    },
};
use std::net::{IpAddr, Ipv6Addr};

const TO4: &str = "10.77.0.3:7001";
const TO6: &str = "[fd77::3]:7001";
const META: &str = "169.254.169.254:7001";
const LOCAL4: &str = "127.0.0.1:7001";
const LOCAL6: &str = "[::1]:7001";
const LOCALHOST6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const OTHER_LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 1, 2, 3));
const HOLE: &str = "deny 10.77.0.3";

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "addresses",
    scopes: &[GUARDED, ALL_IPV4, ALL_IPV6, HOLES],
    layout: None,
    internet: false,
    cases: &[
        refused("N05-mapped-tcp", "guarded", &["tcp-mapped", TO4], FORBIDDEN4, "connect", no_rule("connect", TO4, "tcp")),
        permitted("N05-mapped-tcp-allowed", "guarded", &["tcp-mapped", "10.77.0.2:7001"], ALLOWED4),
        refused("N05-mapped-tcp-under-all-ipv6", "all-ipv6", &["tcp-mapped", TO4], FORBIDDEN4, "connect", no_rule("connect", TO4, "tcp")),
        refused("N05-mapped-tcp-denied", "holes", &["tcp-mapped", TO4], FORBIDDEN4, "connect", by_rule("connect", TO4, "tcp", HOLE)),
        refused("N06-mapped-udp", "guarded", &["udp-mapped", TO4], FORBIDDEN4, "sendto", no_rule("send", TO4, "udp")),
        permitted("N06-mapped-udp-allowed", "guarded", &["udp-mapped", "10.77.0.2:7001"], ALLOWED4),
        refused("N06-mapped-udp-denied", "holes", &["udp-mapped", TO4], FORBIDDEN4, "sendto", by_rule("send", TO4, "udp", HOLE)),
        refused("N07-ipv6-with-ipv4-policy-tcp", "all-ipv4", &["tcp", TO6], FORBIDDEN6, "connect", no_rule("connect", TO6, "tcp")),
        refused("N07-ipv6-with-ipv4-policy-udp", "all-ipv4", &["udp", TO6], FORBIDDEN6, "sendto", no_rule("send", TO6, "udp")),
        refused("N07-ipv4-with-ipv6-policy", "all-ipv6", &["tcp", TO4], FORBIDDEN4, "connect", no_rule("connect", TO4, "tcp")),
        permitted("N07-ipv6-with-ipv6-policy", "all-ipv6", &["tcp", "[fd77::2]:7001"], ALLOWED6),
        refused("N08-unspecified-v4-tcp", "guarded", &["tcp", "0.0.0.0:7001"], LOCALHOST, "connect", no_rule("connect", LOCAL4, "tcp")),
        refused("N08-unspecified-v4-udp", "guarded", &["udp", "0.0.0.0:7001"], LOCALHOST, "sendto", no_rule("send", LOCAL4, "udp")),
        refused("N08-unspecified-v4-udp-connect", "guarded", &["udp-connect", "0.0.0.0:7001"], LOCALHOST, "connect", no_rule("connect", LOCAL4, "udp")),
        refused("N08-unspecified-v6-tcp", "guarded", &["tcp", "[::]:7001"], LOCALHOST6, "connect", no_rule("connect", LOCAL6, "tcp")),
        refused("N08-unspecified-v6-udp", "guarded", &["udp", "[::]:7001"], LOCALHOST6, "sendto", no_rule("send", LOCAL6, "udp")),
        refused("N08-unspecified-mapped-tcp", "guarded", &["tcp", "[::ffff:0.0.0.0]:7001"], LOCALHOST, "connect", no_rule("connect", LOCAL4, "tcp")),
        refused("N08-unspecified-mapped-udp", "guarded", &["udp", "[::ffff:0.0.0.0]:7001"], LOCALHOST, "sendto", no_rule("send", LOCAL4, "udp")),
        refused("N08-loopback-net-tcp", "guarded", &["tcp", "127.1.2.3:7001"], OTHER_LOCAL, "connect", no_rule("connect", "127.1.2.3:7001", "tcp")),
        refused("N08-loopback-net-udp", "guarded", &["udp", "127.1.2.3:7001"], OTHER_LOCAL, "sendto", no_rule("send", "127.1.2.3:7001", "udp")),
        refused("N08-loopback-v6-tcp", "guarded", &["tcp", LOCAL6], LOCALHOST6, "connect", no_rule("connect", LOCAL6, "tcp")),
        refused("N08-loopback-v6-udp", "guarded", &["udp", LOCAL6], LOCALHOST6, "sendto", no_rule("send", LOCAL6, "udp")),
        refused("N08-loopback-mapped-tcp", "guarded", &["tcp-mapped", LOCAL4], LOCALHOST, "connect", no_rule("connect", LOCAL4, "tcp")),
        refused("N08-own-address", "guarded", &["tcp", "10.77.0.1:7001"], NEAR4, "connect", no_rule("connect", "10.77.0.1:7001", "tcp")),
        refused("N08-metadata-tcp", "guarded", &["tcp", META], METADATA, "connect", no_rule("connect", META, "tcp")),
        refused("N08-metadata-udp", "guarded", &["udp", META], METADATA, "sendto", no_rule("send", META, "udp")),
        refused("N08-metadata-mapped", "guarded", &["tcp-mapped", META], METADATA, "connect", no_rule("connect", META, "tcp")),
        refused("N08-metadata-denied", "holes", &["tcp", META], METADATA, "connect", by_rule("connect", META, "tcp", "deny 169.254.0.0/16")),
        refused("N08-link-local-tcp", "guarded", &["tcp", "[fe80::77%dev]:7001"], LINK_LOCAL, "connect", no_rule("connect", "[fe80::77]:7001", "tcp")),
        refused("N08-link-local-udp", "guarded", &["udp", "[fe80::77%dev]:7001"], LINK_LOCAL, "sendto", no_rule("send", "[fe80::77]:7001", "udp")),
        refused("N08-nat64-tcp", "guarded", &["tcp", "[64:ff9b::10.77.0.3]:7001"], NAT64, "connect", no_rule("connect", TO4, "tcp")),
        refused("N08-nat64-udp", "guarded", &["udp", "[64:ff9b::10.77.0.3]:7001"], NAT64, "sendto", no_rule("send", TO4, "udp")),
        refused("N08-nat64-denied", "holes", &["tcp", "[64:ff9b::10.77.0.3]:7001"], NAT64, "connect", by_rule("connect", TO4, "tcp", HOLE)),
        refused("N08-nat64-under-all-ipv6", "all-ipv6", &["tcp", "[64:ff9b::10.77.0.3]:7001"], NAT64, "connect", no_rule("connect", TO4, "tcp")),
        refused("N08-6to4-tcp", "guarded", &["tcp", "[2002:a4d:3::]:7001"], SIX_TO_FOUR, "connect", no_rule("connect", TO4, "tcp")),
        refused("N08-6to4-udp", "guarded", &["udp", "[2002:a4d:3::]:7001"], SIX_TO_FOUR, "sendto", no_rule("send", TO4, "udp")),
        refused("N08-6to4-denied", "holes", &["tcp", "[2002:a4d:3::]:7001"], SIX_TO_FOUR, "connect", by_rule("connect", TO4, "tcp", HOLE)),
    ],
};
