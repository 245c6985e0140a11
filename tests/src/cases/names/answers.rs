//! D12, and answers that nobody should believe: what is learned, and of whom.

use super::{
    scopes::{INWARD, NAMED, OTHER},
    table::{declined, expected, refused, works},
};
use crate::{
    harness::{Far, Group, NameExpected},
    internet::addresses::{API, API6, CDN, ELSEWHERE, FORGED, PAPERS},
    world::addresses::{FORBIDDEN4, FORBIDDEN6, METADATA, NAT64, SIX_TO_FOUR},
};

const S: &str = "198.51.100.53:53";
const P: &str = "7001";
const NO_DATA: (&str, &str) = ("resolve", "NODATA");
/// A service gets a connection, and bytes on it.
const AT_API: Far = Far::Bytes(API, 7001);
const AT_CDN: Far = Far::Bytes(CDN, 7001);

/// The address is taken out of the answer.
const fn rebinding(fields: &'static [(&'static str, &'static str)]) -> NameExpected {
    expected("resolve", "rebinding", fields)
}

// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "names-answers",
    scopes: &[NAMED, OTHER, INWARD],
    layout: None,
    internet: true,
    cases: &[
        works("connect-v4", "named", &["name-tcp", S, "api.agents.example", P], AT_API, &[("address", "198.51.100.10")]),
        works("connect-v6", "named", &["name-tcp6", S, "api.agents.example", P], Far::At(API6), &[("address", "2001:db8:51::10")]),
        works("connect-udp", "named", &["name-udp", S, "api.agents.example", P], Far::At(API), &[]),
        works("connect-wildcard", "named", &["name-tcp", S, "a.b.papers.example", P], Far::At(PAPERS), &[]),
        works("connect-alias", "named", &["name-tcp", S, "alias.agents.example", P], AT_CDN, &[("address", "198.51.100.20")]),
        works("connect-chain-of-aliases", "named", &["name-tcp", S, "chain.agents.example", P], AT_CDN, &[]),
        works("connect-late-answer", "named", &["name-tcp", S, "late.agents.example", P], AT_API, &[]),
        works("connect-one-of-a-hundred", "named", &["name-tcp", S, "rotating.agents.example", P], Far::Nowhere, &[]),
        works("hundred-addresses-tcp", "named", &["dns", "tcp", S, "crowd.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("answers", "100")]),
        works("hundred-addresses-truncated", "named", &["dns", "udp", S, "crowd.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("truncated", "true")]),
        works("hundred-addresses-large", "named", &["dns", "udp", S, "crowd.agents.example", "A", "edns-large"], Far::Nowhere, &[("code", "NOERROR")]),
        // Seconds: none of them keeps anybody from connecting at once, or is kept for ever.
        works("D08-zero-seconds", "named", &["name-tcp", S, "zero.agents.example", P], AT_API, &[]),
        works("D08-one-second", "named", &["name-tcp", S, "brief.agents.example", P], AT_API, &[]),
        works("D08-seventy-years", "named", &["name-tcp", S, "eternal.agents.example", P], AT_API, &[]),
        // RFC 2181, section 8: a number of seconds with its highest bit set is none.
        works("D08-negative-seconds", "named", &["name-tcp", S, "negative.agents.example", P], AT_API, &[]),
        // Learned for the name that was asked, and for no other of the chain.
        refused("alias-opens-only-its-rule", "named", &["name-tcp-to", S, "alias.agents.example", "198.51.100.20:853"], Far::At(CDN), ("connect-tcp", "EPERM"), expected("connect", "no-rule", &[("destination", "198.51.100.20:853"), ("name", "alias.agents.example")])),
        refused("name-opens-only-its-address", "named", &["name-tcp-to", S, "api.agents.example", "198.51.100.50:7001"], Far::At(ELSEWHERE), ("connect-tcp", "EPERM"), expected("connect", "no-rule", &[("destination", "198.51.100.50:7001")])),
        refused("name-opens-only-its-protocol", "named", &["udp", "198.51.100.30:7001"], Far::At(PAPERS), ("sendto", "EPERM"), expected("send", "no-rule", &[("destination", "198.51.100.30:7001")])),
        declined("alias-end-is-not-asked", "named", &["dns", "udp", S, "cdn.elsewhere.example", "A"], Far::Says("\x03cdn\x09elsewhere"), &[("code", "REFUSED")], expected("resolve", "no-rule", &[("name", "cdn.elsewhere.example")])),
        works("alias-of-itself", "named", &["dns", "udp", S, "loop.agents.example", "A"], Far::Says("loop"), &[("addresses", "")]),
        // What is not an answer to the question opens nothing.
        works("forged-before-the-true-answer", "named", &["name-tcp", S, "forged.agents.example", P], Far::Nowhere, &[("address", "198.51.100.10")]),
        refused("forged-address", "named", &["name-tcp-to", S, "forged.agents.example", "198.51.100.67:7001"], Far::At(FORGED), ("connect-tcp", "EPERM"), expected("connect", "no-rule", &[("destination", "198.51.100.67:7001")])),
        refused("answer-about-another-name", "named", &["name-tcp-to", S, "unasked.agents.example", "198.51.100.50:7001"], Far::At(ELSEWHERE), ("connect-tcp", "EPERM"), expected("connect", "no-rule", &[("destination", "198.51.100.50:7001")])),
        works("garbage", "named", &["dns", "udp", S, "garbage.agents.example", "A"], Far::Says("garbage"), &[]),
        works("cut-off", "named", &["dns", "udp", S, "cut.agents.example", "A"], Far::Says("\x03cut\x06agents"), &[]),
        refused("own-name-server", "named", &["dns-own-server", "127.0.0.1:53", "api.agents.example", "198.51.100.50:7001"], Far::At(ELSEWHERE), ("connect-tcp", "EPERM"), expected("connect", "no-rule", &[("destination", "198.51.100.50:7001")])),
        // D12: a public name has no business with these. The rest of the answer is given.
        refused("D12-private", "named", &["name-tcp", S, "private.agents.example", P], Far::Bytes(FORBIDDEN4, 7001), NO_DATA, rebinding(&[("name", "private.agents.example"), ("dst_ip", "10.77.0.3")])),
        refused("D12-metadata", "named", &["name-tcp", S, "metadata.agents.example", P], Far::Bytes(METADATA, 7001), NO_DATA, rebinding(&[("name", "metadata.agents.example"), ("dst_ip", "169.254.169.254")])),
        refused("D12-loopback", "named", &["name-tcp", S, "loopback.agents.example", P], Far::Nowhere, NO_DATA, rebinding(&[("name", "loopback.agents.example"), ("dst_ip", "127.0.0.1")])),
        refused("D12-loopback-elsewhere", "named", &["name-tcp", S, "loopback-elsewhere.agents.example", P], Far::Nowhere, NO_DATA, rebinding(&[("name", "loopback-elsewhere.agents.example"), ("dst_ip", "127.1.2.3")])),
        refused("D12-unspecified", "named", &["name-tcp", S, "unspecified.agents.example", P], Far::Nowhere, NO_DATA, rebinding(&[("name", "unspecified.agents.example"), ("dst_ip", "0.0.0.0")])),
        refused("D12-loopback-v6", "named", &["name-tcp6", S, "loopback.agents.example", P], Far::Nowhere, NO_DATA, rebinding(&[("name", "loopback.agents.example"), ("dst_ip", "::1")])),
        refused("D12-unspecified-v6", "named", &["name-tcp6", S, "unspecified.agents.example", P], Far::Nowhere, NO_DATA, rebinding(&[("name", "unspecified.agents.example"), ("dst_ip", "::")])),
        refused("D12-unique-local", "named", &["name-tcp6", S, "unique-local.agents.example", P], Far::At(FORBIDDEN6), NO_DATA, rebinding(&[("name", "unique-local.agents.example"), ("dst_ip", "fd77::3")])),
        refused("D12-nat64", "named", &["name-tcp6", S, "nat64.agents.example", P], Far::At(NAT64), NO_DATA, rebinding(&[("name", "nat64.agents.example"), ("dst_ip", "64:ff9b::a4d:3")])),
        refused("D12-6to4", "named", &["name-tcp6", S, "6to4.agents.example", P], Far::At(SIX_TO_FOUR), NO_DATA, rebinding(&[("name", "6to4.agents.example"), ("dst_ip", "2002:a4d:3::")])),
        refused("D12-mapped", "named", &["name-tcp6", S, "mapped.agents.example", P], Far::Bytes(FORBIDDEN4, 7001), NO_DATA, rebinding(&[("name", "mapped.agents.example"), ("dst_ip", "10.77.0.3")])),
        refused("D12-at-the-end-of-an-alias", "named", &["name-tcp", S, "inward.agents.example", P], Far::Bytes(FORBIDDEN4, 7001), NO_DATA, rebinding(&[("name", "inward.agents.example"), ("dst_ip", "10.77.0.3")])),
        declined("D12-shared-space", "named", &["dns", "udp", S, "shared-space.agents.example", "A"], Far::Nowhere, &[("addresses", "")], rebinding(&[("name", "shared-space.agents.example")])),
        declined("D12-multicast", "named", &["dns", "udp", S, "multicast.agents.example", "A"], Far::Nowhere, &[("addresses", "")], rebinding(&[("name", "multicast.agents.example")])),
        declined("D12-link-local", "named", &["dns", "udp", S, "link-local.agents.example", "AAAA"], Far::Nowhere, &[("addresses", "")], rebinding(&[("name", "link-local.agents.example")])),
        declined("D12-beside-a-public-one", "named", &["dns", "udp", S, "mixed.agents.example", "A"], Far::Nowhere, &[("addresses", "198.51.100.10")], rebinding(&[("name", "mixed.agents.example")])),
        works("private-where-the-rule-says-so", "inward", &["name-tcp", S, "inside.agents.example", P], Far::Bytes(FORBIDDEN4, 7001), &[("address", "10.77.0.3")]),
    ],
};
