//! N01–N04: connections, however they are begun.

use super::{
    scopes::GUARDED,
    table::{NO_OPTION, dropped, no_rule, no_socket, optional, permitted, refused, under_lsm},
};
use crate::{
    harness::Group,
    world::addresses::{ALLOWED4, ALLOWED6, FORBIDDEN4, FORBIDDEN6},
};

const TO4: &str = "10.77.0.3:7001";
const TO6: &str = "[fd77::3]:7001";

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "connections",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        permitted("allowed-v4", "guarded", &["tcp", "10.77.0.2:7001"], ALLOWED4),
        permitted("allowed-v6", "guarded", &["tcp", "[fd77::2]:7001"], ALLOWED6),
        under_lsm(permitted("allowed-options-v4", "guarded", &["tcp-options", "10.77.0.2:7001"], ALLOWED4), &NO_OPTION),
        permitted("allowed-options-v6", "guarded", &["tcp-options", "[fd77::2]:7001"], ALLOWED6),
        permitted("allowed-fastopen", "guarded", &["tcp-fastopen", "10.77.0.2:7001"], ALLOWED4),
        refused("plain-v4", "guarded", &["tcp", TO4], FORBIDDEN4, "connect", no_rule("connect", TO4, "tcp")),
        refused("plain-v6", "guarded", &["tcp", TO6], FORBIDDEN6, "connect", no_rule("connect", TO6, "tcp")),
        refused("N01-fastopen-v4", "guarded", &["tcp-fastopen", TO4], FORBIDDEN4, "sendto", no_rule("connect", TO4, "tcp")),
        refused("N01-fastopen-v6", "guarded", &["tcp-fastopen", TO6], FORBIDDEN6, "sendto", no_rule("connect", TO6, "tcp")),
        refused("N02-fastopen-connect-v4", "guarded", &["tcp-fastopen-connect", TO4], FORBIDDEN4, "connect", no_rule("connect", TO4, "tcp")),
        refused("N02-fastopen-connect-v6", "guarded", &["tcp-fastopen-connect", TO6], FORBIDDEN6, "connect", no_rule("connect", TO6, "tcp")),
        optional(refused("N03-mptcp-v4", "guarded", &["mptcp", TO4], FORBIDDEN4, "socket", no_socket("mptcp"))),
        optional(refused("N03-mptcp-v6", "guarded", &["mptcp", TO6], FORBIDDEN6, "socket", no_socket("mptcp"))),
        optional(refused("N03-mptcp-fastopen", "guarded", &["mptcp-fastopen", TO4], FORBIDDEN4, "socket", no_socket("mptcp"))),
        optional(refused("N03-mptcp-allowed-host", "guarded", &["mptcp", "10.77.0.2:7001"], ALLOWED4, "socket", no_socket("mptcp"))),
        under_lsm(refused("N22-bind-to-device", "guarded", &["tcp-to-device", TO4, "$device"], FORBIDDEN4, "connect", no_rule("connect", TO4, "tcp")), &NO_OPTION),
        under_lsm(dropped("N23-segments", "guarded", &["option-tcp", "segments", "[fd77::2]:7001", TO6], FORBIDDEN6, no_rule("packet", TO6, "tcp")), &NO_OPTION),
    ],
};
