//! N21: leaving for another network namespace changes nothing.

use super::{
    scopes::GUARDED,
    table::{no_rule, refused, refused_unseen},
};
use crate::{harness::Group, world::addresses::FORBIDDEN4};

const TO: &str = "10.77.0.3:7001";

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "namespaces",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        refused("N21-udp-socket-from-before", "guarded", &["unshare-net-udp", TO], FORBIDDEN4, "sendto", no_rule("send", TO, "udp")),
        refused("N21-tcp-socket-from-before", "guarded", &["unshare-net-tcp", TO], FORBIDDEN4, "connect", no_rule("connect", TO, "tcp")),
        refused("N21-go-and-return", "guarded", &["unshare-net-return", TO], FORBIDDEN4, "sendto", no_rule("send", TO, "udp")),
        refused_unseen("N21-inside-another", "guarded", &["unshare-net-inside", TO], "sendto", no_rule("send", TO, "udp")),
    ],
};
