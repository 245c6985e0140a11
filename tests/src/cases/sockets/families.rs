//! N17 to N20: families of sockets that no rule is about.

use super::super::objects::table::{arriving, because, observed, optional, refused};
use crate::{
    harness::{Case, ObjectExpected},
    world::addresses::FORBIDDEN4,
};

const TO: &str = "10.77.0.3:7001";

/// The record of a socket: its family, its type, its protocol.
macro_rules! of {
    ($family:literal, $kind:literal, $protocol:literal) => {
        because(
            "protocol",
            "socket",
            &[
                ("family", $family),
                ("socket_type", $kind),
                ("protocol", $protocol),
            ],
        )
    };
}

const RAW_PACKET: ObjectExpected = of!("packet", "raw", "8");

const fn other(name: &'static str, numbers: &'static [&'static str], of: ObjectExpected) -> Case {
    optional(refused(name, "plain", numbers, "socket", of))
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    arriving(FORBIDDEN4, refused("N17-packet-raw", "plain", &["packet", "raw", TO, "$device"], "socket", RAW_PACKET)),
    arriving(FORBIDDEN4, refused("N17-packet-cooked", "clerk", &["packet", "cooked", TO, "$device"], "socket", of!("packet", "dgram", "8"))),
    refused("N17-packet-through-a-ring", "plain", &["uring-family", "inline", "17", "3", "0"], "socket", of!("packet", "raw", "0")),
    refused("N17-packet-through-a-worker", "plain", &["uring-family", "worker", "17", "3", "0"], "socket", of!("packet", "raw", "0")),
    arriving(FORBIDDEN4, observed("N17-packet-observed", "watched", &["packet", "raw", TO, "$device"], RAW_PACKET)),
    other("N17-xdp", &["family", "44", "3", "0"], of!("xdp", "raw", "0")),
    other("N18-vsock", &["vsock"], of!("vsock", "stream", "0")),
    other("N19-alg", &["alg"], of!("alg", "seqpacket", "0")),
    other("N19-tipc", &["family", "30", "2", "0"], of!("tipc", "dgram", "0")),
    optional(refused("N19-tipc-pair", "plain", &["family-pair", "30", "1", "0"], "socketpair", of!("tipc", "stream", "0"))),
    other("N19-can", &["family", "29", "3", "1"], of!("can", "raw", "1")),
    other("N19-bluetooth", &["family", "31", "3", "1"], of!("bluetooth", "raw", "1")),
    other("N19-rds", &["family", "21", "5", "0"], of!("rds", "seqpacket", "0")),
    other("N19-smc", &["family", "43", "1", "0"], of!("smc", "stream", "0")),
    other("N19-kcm", &["family", "41", "2", "0"], of!("kcm", "dgram", "0")),
    other("N19-key", &["family", "15", "3", "2"], of!("key", "raw", "2")),
    other("N19-qipcrtr", &["family", "42", "2", "0"], of!("qipcrtr", "dgram", "0")),
    other("N19-rxrpc", &["family", "33", "2", "2"], of!("rxrpc", "dgram", "2")),
    other("N19-pppox", &["family", "24", "1", "0"], of!("pppox", "stream", "0")),
    other("N19-mctp", &["family", "45", "2", "0"], of!("mctp", "dgram", "0")),
    other("N19-nfc", &["family", "39", "3", "0"], of!("nfc", "raw", "0")),
    other("N19-x25", &["family", "9", "5", "0"], of!("x25", "seqpacket", "0")),
    other("N20-netlink-diag", &["family", "16", "3", "4"], of!("netlink", "raw", "4")),
    other("N20-netlink-xfrm", &["family", "16", "3", "6"], of!("netlink", "raw", "6")),
    other("N20-netlink-audit", &["family", "16", "3", "9"], of!("netlink", "raw", "9")),
    other("N20-netlink-netfilter", &["family", "16", "3", "12"], of!("netlink", "raw", "12")),
    refused("N20-netlink-uevent", "plain", &["family", "16", "3", "15"], "socket", of!("netlink", "raw", "15")),
    refused("N20-netlink-generic", "plain", &["family", "16", "2", "16"], "socket", of!("netlink", "dgram", "16")),
];
