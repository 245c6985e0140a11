//! U01 to U08, U11: services that do for others what these may not do themselves.

use super::super::objects::table::{by_rule, no_rule, observed, permitted, refused};
use crate::harness::{Case, ObjectExpected};

/// Of nobody's agent, by path and by an abstract name.
const DOCKER: &str = "$sockets/stranger/docker.sock";
const LOG: &str = "$sockets/stranger/log";
const PACKETS: &str = "$sockets/stranger/packets";
const ABSTRACT: &str = "@$name-stranger-docker.sock";
const ABSTRACT_LOG: &str = "@$name-stranger-log";
const ABSTRACT_PACKETS: &str = "@$name-stranger-packets";
/// In a rule.
const GRANTED: &str = "$sockets/stranger/granted.sock";
const GRANTED_LOG: &str = "$sockets/stranger/granted.log";
/// In two.
const DENIED: &str = "$sockets/stranger/granted.not";
/// What the agent may make.
const LINK: &str = "$sockets/clerk/link";
const OWN: &str = "$tree/open/own";

const TO_DOCKER: ObjectExpected = connect(&[("path", DOCKER), ("access", "connect")]);
const TO_ABSTRACT: ObjectExpected = connect(&[("path", ABSTRACT), ("access", "connect")]);
const TO_LOG: ObjectExpected = send(&[("path", LOG), ("access", "connect")]);
const TO_ABSTRACT_LOG: ObjectExpected = send(&[("path", ABSTRACT_LOG), ("access", "connect")]);

const fn connect(fields: &'static [(&'static str, &'static str)]) -> ObjectExpected {
    no_rule("connect-unix", fields)
}

const fn send(fields: &'static [(&'static str, &'static str)]) -> ObjectExpected {
    no_rule("send-unix", fields)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("granted-stream", "clerk", &["unix-connect", "stream", GRANTED]),
    permitted("granted-datagram", "clerk", &["unix-sendto", GRANTED_LOG]),
    permitted("granted-packets", "clerk", &["unix-connect", "packet", "$sockets/stranger/granted.packets"]),
    permitted("granted-abstract", "clerk", &["unix-connect", "stream", "@$name-stranger-granted.sock"]),
    permitted("granted-abstract-datagram", "clerk", &["unix-sendto", "@$name-stranger-granted.log"]),
    permitted("granted-by-link", "clerk", &["unix-by-link", "stream", GRANTED, LINK]),
    permitted("granted-through-a-ring", "clerk", &["uring-unix", "worker", GRANTED]),
    permitted("same-agent-stream", "clerk", &["unix-connect", "stream", "$sockets/clerk/docker.sock"]),
    permitted("same-agent-datagram", "clerk", &["unix-connect", "datagram", "$sockets/clerk/log"]),
    permitted("same-agent-packets", "clerk", &["unix-connect", "packet", "$sockets/clerk/packets"]),
    permitted("same-agent-abstract", "clerk", &["unix-connect", "stream", "@$name-clerk-docker.sock"]),
    permitted("same-agent-abstract-datagram", "clerk", &["unix-sendto", "@$name-clerk-log"]),
    permitted("own-stream", "clerk", &["unix-own", "stream", OWN]),
    permitted("own-datagram", "clerk", &["unix-own", "datagram", OWN]),
    permitted("own-abstract", "clerk", &["unix-own", "packet", "@$name-own"]),
    permitted("pair-stream", "clerk", &["unix-pair", "stream"]),
    permitted("pair-datagram", "clerk", &["unix-pair", "datagram"]),
    permitted("pair-packets", "clerk", &["unix-pair", "packet"]),
    permitted("not-confined", "plain", &["unix-connect", "stream", DOCKER]),
    permitted("not-confined-datagram", "plain", &["unix-sendto", LOG]),

    refused("U01-docker", "clerk", &["unix-connect", "stream", DOCKER], "connect", TO_DOCKER),
    refused("U01-docker-by-link", "clerk", &["unix-by-link", "stream", DOCKER, LINK], "connect", TO_DOCKER),
    refused("U01-docker-relative", "clerk", &["unix-relative", "stream", "$sockets/stranger", "docker.sock"], "connect", TO_DOCKER),
    refused("U01-docker-through-proc", "clerk", &["unix-connect", "stream", "/proc/self/root/$sockets/stranger/docker.sock"], "connect", TO_DOCKER),
    refused("U01-docker-through-a-ring", "clerk", &["uring-unix", "inline", DOCKER], "connect", TO_DOCKER),
    refused("U01-docker-through-a-worker", "clerk", &["uring-unix", "worker", DOCKER], "connect", TO_DOCKER),
    refused("U01-docker-through-a-poller", "clerk", &["uring-unix", "polled", DOCKER], "connect", TO_DOCKER),
    refused("U02-packets", "clerk", &["unix-connect", "packet", PACKETS], "connect", connect(&[("path", PACKETS), ("access", "connect")])),
    refused("U03-datagram", "clerk", &["unix-sendto", LOG], "sendto", TO_LOG),
    refused("U03-datagram-sendmsg", "clerk", &["unix-sendmsg", LOG], "sendmsg", TO_LOG),
    refused("U03-datagram-sendmmsg", "clerk", &["unix-sendmmsg", LOG], "sendmmsg", TO_LOG),
    refused("U03-datagram-connected", "clerk", &["unix-connect", "datagram", LOG], "connect", TO_LOG),
    refused("U03-datagram-elsewhere", "clerk", &["unix-connected-elsewhere", GRANTED_LOG, LOG], "sendto", TO_LOG),
    refused("U03-datagram-reconnected", "clerk", &["unix-reconnect", GRANTED_LOG, LOG], "connect-again", TO_LOG),
    refused("U03-datagram-through-a-ring", "clerk", &["uring-unix-send", "inline", LOG], "sendmsg", TO_LOG),
    refused("U05-neighbour", "clerk", &["unix-connect", "stream", "$sockets/neighbour/docker.sock"], "connect", connect(&[("path", "$sockets/neighbour/docker.sock"), ("access", "connect")])),
    refused("U05-neighbour-abstract", "clerk", &["unix-connect", "stream", "@$name-neighbour-docker.sock"], "connect", connect(&[("path", "@$name-neighbour-docker.sock"), ("access", "connect")])),
    refused("U05-neighbour-datagram", "clerk", &["unix-sendto", "@$name-neighbour-log"], "sendto", send(&[("path", "@$name-neighbour-log"), ("access", "connect")])),
    refused("U07-denied", "clerk", &["unix-connect", "stream", DENIED], "connect", by_rule("connect-unix", "deny $sockets/stranger/granted.not", &[("path", DENIED), ("access", "connect")])),
    refused("U08-abstract", "clerk", &["unix-connect", "stream", ABSTRACT], "connect", TO_ABSTRACT),
    refused("U08-abstract-datagram", "clerk", &["unix-sendto", ABSTRACT_LOG], "sendto", TO_ABSTRACT_LOG),
    refused("U08-abstract-datagram-connected", "clerk", &["unix-connect", "datagram", ABSTRACT_LOG], "connect", TO_ABSTRACT_LOG),
    refused("U08-abstract-packets", "clerk", &["unix-connect", "packet", ABSTRACT_PACKETS], "connect", connect(&[("path", ABSTRACT_PACKETS), ("access", "connect")])),
    // What is granted is the path: a link there leads to another.
    refused("U11-rebound", "clerk", &["unix-by-link", "stream", DOCKER, "$sockets/clerk/rebound.sock"], "connect", TO_DOCKER),

    observed("observed-stream", "watched", &["unix-connect", "stream", DOCKER], TO_DOCKER),
    observed("observed-abstract", "watched", &["unix-connect", "packet", ABSTRACT_PACKETS], connect(&[("path", ABSTRACT_PACKETS), ("access", "connect")])),
    observed("observed-datagram", "watched", &["unix-sendto", LOG], TO_LOG),
];
