//! D06, D07, D10, D16 and D17: connections without a name, by another's name, and around names.

use super::{
    scopes::{NAMED, OTHER, WATCHED},
    table::{contained, expected, observed, refused, works},
};
use crate::{
    harness::{Far, Group},
    internet::addresses::{API, API6, CDN, ELSEWHERE, ELSEWHERE6, PUBLIC_RESOLVER},
};

const S: &str = "198.51.100.53:53";
const P: &str = "7001";
const EPERM: (&str, &str) = ("connect", "EPERM");
const SENDTO: (&str, &str) = ("sendto", "EPERM");

/// No rule, and this destination.
const fn none(
    operation: &'static str,
    fields: &'static [(&'static str, &'static str)],
) -> crate::harness::NameExpected {
    expected(operation, "no-rule", fields)
}

// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "names-connections",
    scopes: &[NAMED, OTHER, WATCHED],
    layout: None,
    internet: true,
    cases: &[
        // An address of a permitted name that has not been asked for is nobody's yet.
        refused("address-before-its-name", "other", &["tcp", "198.51.100.20:7001"], Far::At(CDN), EPERM, none("connect", &[("destination", "198.51.100.20:7001")])),
        refused("address-before-its-name-v6", "named", &["tcp", "[2001:db8:51::10]:7001"], Far::At(API6), EPERM, none("connect", &[("destination", "[2001:db8:51::10]:7001")])),
        works("name-then-address", "other", &["name-tcp", S, "other.agents.example", P], Far::Bytes(CDN, 7001), &[]),
        works("address-after-its-name", "other", &["tcp", "198.51.100.20:7001"], Far::Bytes(CDN, 7001), &[]),
        works("address-after-its-name-mapped", "other", &["tcp-mapped", "198.51.100.20:7001"], Far::Bytes(CDN, 7001), &[]),
        // D16: what one agent has learned is not another's.
        refused("D16-learned-by-another", "named", &["tcp", "198.51.100.20:7001"], Far::At(CDN), EPERM, none("connect", &[("destination", "198.51.100.20:7001")])),
        refused("D16-learned-by-another-mapped", "named", &["tcp-mapped", "198.51.100.20:7001"], Far::At(CDN), EPERM, none("connect", &[("destination", "198.51.100.20:7001")])),
        // What is learned opens nothing but what its rules say.
        refused("another-port", "other", &["tcp", "198.51.100.20:443"], Far::At(CDN), EPERM, none("connect", &[("destination", "198.51.100.20:443"), ("name", "other.agents.example")])),
        refused("another-protocol", "other", &["udp", "198.51.100.20:7001"], Far::At(CDN), SENDTO, none("send", &[("destination", "198.51.100.20:7001"), ("name", "other.agents.example")])),
        refused("a-neighbour", "other", &["tcp", "198.51.100.10:7001"], Far::At(API), EPERM, none("connect", &[("destination", "198.51.100.10:7001")])),
        refused("fastopen", "other", &["tcp-fastopen", "198.51.100.50:7001"], Far::At(ELSEWHERE), SENDTO, none("connect", &[("destination", "198.51.100.50:7001")])),
        observed("observed", "watched", &["tcp", "198.51.100.50:7001"], Far::Bytes(ELSEWHERE, 7001), &[], none("connect", &[("destination", "198.51.100.50:7001")])),
        // D06: names that are asked of everybody on the link.
        refused("D06-multicast-dns", "named", &["udp", "224.0.0.251:5353"], Far::At(MDNS), SENDTO, none("send", &[("destination", "224.0.0.251:5353")])),
        refused("D06-multicast-dns-v6", "named", &["udp", "[ff02::fb%dev]:5353"], Far::At(MDNS6), SENDTO, none("send", &[("destination", "[ff02::fb]:5353")])),
        refused("D06-link-local-names", "named", &["udp", "224.0.0.252:5355"], Far::At(LLMNR), SENDTO, none("send", &[("destination", "224.0.0.252:5355")])),
        refused("D06-netbios", "named", &["udp", "10.77.0.3:137"], Far::At(crate::world::addresses::FORBIDDEN4), SENDTO, none("send", &[("destination", "10.77.0.3:137")])),
        // D07: other ways to ask. Whoever is to be asked so needs a rule, and none of these has one.
        refused("D07-over-tls", "named", &["tcp", "198.51.100.90:853"], Far::At(PUBLIC_RESOLVER), EPERM, none("connect", &[("destination", "198.51.100.90:853")])),
        refused("D07-over-quic", "named", &["udp", "198.51.100.90:853"], Far::At(PUBLIC_RESOLVER), SENDTO, none("send", &[("destination", "198.51.100.90:853")])),
        refused("D07-over-https", "named", &["tcp", "198.51.100.90:443"], Far::At(PUBLIC_RESOLVER), EPERM, none("connect", &[("destination", "198.51.100.90:443")])),
        refused("D07-over-http3", "named", &["udp", "198.51.100.90:443"], Far::At(PUBLIC_RESOLVER), SENDTO, none("send", &[("destination", "198.51.100.90:443")])),
        refused("D07-name-server-on-5353", "named", &["udp", "198.51.100.53:5353"], Far::At(crate::internet::addresses::SERVER), SENDTO, none("send", &[("destination", "198.51.100.53:5353")])),
        // D10: another site on the machine of a name. Its name is not asked for; by address it is that machine, and on TCP port
        // 443 the name in TLS decides (`names-tls`).
        refused("D10-other-sites-address", "named", &["name-tcp-to", S, "api.agents.example", "198.51.100.50:443"], Far::At(ELSEWHERE), ("connect-tcp", "EPERM"), none("connect", &[("destination", "198.51.100.50:443")])),
        refused("D10-other-sites-v6", "named", &["name-tcp-to", S, "api.agents.example", "[2001:db8:51::50]:7001"], Far::At(ELSEWHERE6), ("connect-tcp", "EPERM"), none("connect", &[("destination", "[2001:db8:51::50]:7001")])),
        contained("D10-other-sites-name", "named", &["dns", "udp", S, "api.agents.example", "HTTPS"], Far::Says("\x03api\x06agents\x07example\x00\x00\x41"), &[("answers", "0")]),
    ],
};

const MDNS: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 251));
const MDNS6: std::net::IpAddr =
    std::net::IpAddr::V6(std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb));
const LLMNR: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 252));
