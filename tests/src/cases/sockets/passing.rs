//! N25, N30b, F25: descriptors that somebody else has opened.

use super::super::objects::table::{
    arriving, failing, never, no_rule, observed, optional, permitted,
};
use crate::{
    harness::{Case, ObjectExpected},
    world::addresses::{ALLOWED4, FORBIDDEN4},
};

const OFFER: &str = "$sockets/stranger/offer";
const SECRET: &str = "$tree/secret/file";
const READ: &str = "$tree/read/file";

const fn unreceived(path: &'static [(&'static str, &'static str)]) -> ObjectExpected {
    no_rule("receive", path)
}

const fn lost(name: &'static str, what: &'static [&'static str], record: ObjectExpected) -> Case {
    failing(name, "clerk", what, ("receive", "MSG_CTRUNC"), record)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("received-file", "clerk", &["receive", OFFER, "read $tree/read/file"]),
    permitted("received-file-to-write", "clerk", &["receive", OFFER, "both $tree/open/file"]),
    permitted("received-memory", "clerk", &["receive", OFFER, "memory"]),
    permitted("received-pipe", "clerk", &["receive", OFFER, "pipe"]),
    permitted("received-unix-socket", "clerk", &["receive", OFFER, "unix $sockets/stranger/granted.sock"]),
    permitted("received-secret-not-confined", "plain", &["receive", OFFER, "read $tree/secret/file"]),
    arriving(ALLOWED4, lost("N25-socket-to-who-may-be-reached", &["receive", OFFER, "udp 10.77.0.2:7001"], never("receive", &[]))),
    arriving(FORBIDDEN4, lost("N25-socket", &["receive", OFFER, "udp 10.77.0.3:7001"], never("receive", &[]))),
    optional(lost("N30b-ring", &["receive", OFFER, "ring"], never("receive", &[]))),
    lost("U01-connected-socket", &["receive", OFFER, "unix $sockets/stranger/quiet"], unreceived(&[("path", "$sockets/stranger/quiet"), ("access", "connect")])),
    lost("F25-secret", &["receive", OFFER, "read $tree/secret/file"], unreceived(&[("path", SECRET), ("access", "read")])),
    lost("F25-read-only-to-write", &["receive", OFFER, "write $tree/read/file"], unreceived(&[("path", READ), ("access", "write")])),
    lost("F25-read-only-to-both", &["receive", OFFER, "both $tree/read/file"], unreceived(&[("path", READ), ("access", "write")])),
    observed("F25-observed", "watched", &["receive", OFFER, "read $tree/secret/file"], unreceived(&[("path", SECRET), ("access", "read")])),
    arriving(ALLOWED4, observed("N25-observed", "watched", &["receive", OFFER, "udp 10.77.0.2:7001"], never("receive", &[]))),
];
