//! N12–N15: protocols that are neither TCP nor UDP.

use super::{
    scopes::{GUARDED, HOLES, PINGER},
    table::{dropped, no_rule, no_socket, optional, permitted, refused},
};
use crate::{
    harness::Group,
    world::addresses::{ALLOWED4, ALLOWED6, FORBIDDEN4, FORBIDDEN6},
};

const TO4: &str = "10.77.0.3:7001";
const TO6: &str = "[fd77::3]:7001";
const PING4: &str = "10.77.0.3:0";
const PING6: &str = "[fd77::3]:0";

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "protocols",
    scopes: &[GUARDED, PINGER, HOLES],
    layout: None,
    internet: false,
    cases: &[
        optional(refused("N12-sctp", "guarded", &["sctp", TO4], FORBIDDEN4, "socket", no_socket("sctp"))),
        optional(refused("N12-sctp-connectx", "guarded", &["sctp-connectx", TO4], FORBIDDEN4, "socket", no_socket("sctp"))),
        optional(refused("N12-sctp-seqpacket", "guarded", &["sctp-sendto", TO4], FORBIDDEN4, "socket", no_socket("sctp"))),
        optional(refused("N13-udplite-v4", "guarded", &["udplite", TO4], FORBIDDEN4, "socket", no_socket("udplite"))),
        optional(refused("N13-udplite-v6", "guarded", &["udplite", TO6], FORBIDDEN6, "socket", no_socket("udplite"))),
        optional(refused("N13-dccp", "guarded", &["dccp", TO4], FORBIDDEN4, "socket", no_socket("dccp"))),
        optional(refused("N13-l2tp", "guarded", &["l2tp", TO4], FORBIDDEN4, "socket", no_socket("l2tp"))),
        refused("N14-icmp-socket-v4", "guarded", &["icmp", PING4], FORBIDDEN4, "socket", no_socket("icmp")),
        refused("N14-icmp-socket-v6", "guarded", &["icmp", PING6], FORBIDDEN6, "socket", no_socket("icmp")),
        permitted("N14-icmp-allowed-v4", "pinger", &["icmp", "10.77.0.2:0"], ALLOWED4),
        permitted("N14-icmp-allowed-v6", "pinger", &["icmp", "[fd77::2]:0"], ALLOWED6),
        permitted("N14-icmp-allowed-connect", "pinger", &["icmp-connect", "10.77.0.2:0"], ALLOWED4),
        refused("N14-icmp-elsewhere-v4", "pinger", &["icmp", PING4], FORBIDDEN4, "sendto", no_rule("packet", "10.77.0.3", "icmp")),
        // The kernel drops the error of an ICMPv6 echo request (icmpv6_push_pending_frames).
        dropped("N14-icmp-elsewhere-v6", "pinger", &["icmp", PING6], FORBIDDEN6, no_rule("packet", "fd77::3", "icmp")),
        refused("N15-raw-udp-v4", "guarded", &["raw-udp", TO4], FORBIDDEN4, "socket", no_socket("raw")),
        refused("N15-raw-udp-v6", "guarded", &["raw-udp", TO6], FORBIDDEN6, "socket", no_socket("raw")),
        refused("N15-raw-header", "guarded", &["raw-header", TO4], FORBIDDEN4, "socket", no_socket("raw")),
        refused("N15-raw-protocol", "guarded", &["raw-protocol", TO4], FORBIDDEN4, "socket", no_socket("raw")),
        refused("N15-raw-under-any", "holes", &["raw-udp", "10.77.0.2:7001"], ALLOWED4, "socket", no_socket("raw")),
    ],
};
