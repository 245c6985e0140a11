//! N30: the same through `io_uring`, executed by the task, by a worker and by a polling thread.

use super::{
    scopes::GUARDED,
    table::{no_rule, no_socket, optional, permitted, refused, refused_unseen},
};
use crate::{
    harness::Group,
    world::addresses::{ALLOWED4, FORBIDDEN4, FORBIDDEN6},
};

const TO: &str = "10.77.0.3:7001";
const TO6: &str = "[fd77::3]:7001";

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "uring",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        permitted("allowed", "guarded", &["uring-tcp", "inline", "10.77.0.2:7001"], ALLOWED4),
        refused("N30-connect-inline", "guarded", &["uring-tcp", "inline", TO], FORBIDDEN4, "connect", no_rule("connect", TO, "tcp")),
        refused("N30-connect-worker", "guarded", &["uring-tcp", "worker", TO], FORBIDDEN4, "connect", no_rule("connect", TO, "tcp")),
        refused("N30-connect-polled", "guarded", &["uring-tcp", "polled", TO], FORBIDDEN4, "connect", no_rule("connect", TO, "tcp")),
        refused("N30-connect-v6", "guarded", &["uring-tcp", "inline", TO6], FORBIDDEN6, "connect", no_rule("connect", TO6, "tcp")),
        refused("N30-fastopen-inline", "guarded", &["uring-fastopen", "inline", TO], FORBIDDEN4, "sendmsg", no_rule("connect", TO, "tcp")),
        refused("N30-fastopen-worker", "guarded", &["uring-fastopen", "worker", TO], FORBIDDEN4, "sendmsg", no_rule("connect", TO, "tcp")),
        refused("N30-udp-inline", "guarded", &["uring-udp", "inline", TO], FORBIDDEN4, "sendmsg", no_rule("send", TO, "udp")),
        refused("N30-udp-worker", "guarded", &["uring-udp", "worker", TO], FORBIDDEN4, "sendmsg", no_rule("send", TO, "udp")),
        refused("N30-udp-polled", "guarded", &["uring-udp", "polled", TO], FORBIDDEN4, "sendmsg", no_rule("send", TO, "udp")),
        optional(refused("N30-udp-zerocopy-inline", "guarded", &["uring-udp-zerocopy", "inline", TO], FORBIDDEN4, "send_zc", no_rule("send", TO, "udp"))),
        optional(refused("N30-udp-zerocopy-worker", "guarded", &["uring-udp-zerocopy", "worker", TO], FORBIDDEN4, "send_zc", no_rule("send", TO, "udp"))),
        optional(refused_unseen("N30-socket-mptcp", "guarded", &["uring-socket", "inline", "1", "262"], "socket", no_socket("mptcp"))),
        refused_unseen("N30-socket-raw", "guarded", &["uring-socket", "worker", "3", "17"], "socket", no_socket("raw")),
    ],
};
