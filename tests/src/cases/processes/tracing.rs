//! U16, N26: looking into other processes, and changing them.

use super::super::objects::table::{failing, never, no_rule, observed, permitted, refused};
use crate::harness::{Case, ObjectExpected};

/// A technique against somebody's witness.
macro_rules! against {
    ($how:literal, $who:literal) => {
        &[
            "trace",
            $how,
            concat!("$", $who, ".pid"),
            concat!("$", $who, ".memory"),
            concat!("$", $who, ".descriptor"),
        ]
    };
}

const STRANGER: ObjectExpected = never("trace", &[("target_pid", "$stranger.pid")]);
const NEIGHBOUR: ObjectExpected = never("trace", &[("target_pid", "$neighbour.pid")]);
const OWN: ObjectExpected = no_rule("trace", &[("target_pid", "*")]);

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    refused("U16-attach", "plain", against!("attach", "stranger"), "ptrace", STRANGER),
    refused("U16-attach-confined", "clerk", against!("attach", "stranger"), "ptrace", STRANGER),
    refused("U16-attach-to-another-agent", "clerk", against!("attach", "neighbour"), "ptrace", NEIGHBOUR),
    refused("U16-read-memory", "plain", against!("read-memory", "stranger"), "process_vm_readv", STRANGER),
    refused("U16-write-memory", "plain", against!("write-memory", "stranger"), "process_vm_writev", STRANGER),
    refused("U16-write-memory-of-another-agent", "plain", against!("write-memory", "neighbour"), "process_vm_writev", NEIGHBOUR),
    failing("U16-memory-file", "plain", against!("memory-file", "stranger"), ("open", "EACCES"), STRANGER),
    failing("U16-root", "plain", against!("root", "stranger"), ("open", "EACCES"), STRANGER),
    failing("U16-working-directory", "plain", against!("directory", "stranger"), ("readlink", "EACCES"), STRANGER),
    failing("U16-environment", "clerk", against!("environment", "stranger"), ("open", "EACCES"), no_rule("open", &[("path", "/proc/$stranger.pid/environ"), ("access", "read")])),
    failing("U16-descriptor-file", "plain", against!("descriptor-file", "stranger"), ("open", "EACCES"), STRANGER),
    refused("N26-take-descriptor", "plain", against!("take-descriptor", "stranger"), "pidfd_getfd", STRANGER),
    refused("N26-take-descriptor-confined", "clerk", against!("take-descriptor", "stranger"), "pidfd_getfd", STRANGER),
    refused("N26-take-descriptor-of-another-agent", "plain", against!("take-descriptor", "neighbour"), "pidfd_getfd", NEIGHBOUR),
    failing("U16-namespace", "plain", against!("namespace", "stranger"), ("open", "EACCES"), STRANGER),
    refused("U16-enter-namespaces", "plain", against!("enter", "stranger"), "setns", STRANGER),
    refused("U16-compare", "plain", against!("compare", "stranger"), "kcmp", STRANGER),
    observed("U16-attach-observed", "watched", against!("attach", "stranger"), STRANGER),
    observed("U16-write-memory-observed", "watched", against!("write-memory", "stranger"), STRANGER),

    // What ps(1) reads of everybody asks, too, and is not told everything: nobody needs a record of it.
    permitted("status-of-others", "plain", against!("status", "stranger")),
    permitted("same-agent-read-memory", "tinker", &["trace-child", "read-memory"]),
    permitted("same-agent-write-memory", "tinker", &["trace-child", "write-memory"]),
    permitted("same-agent-attach", "tinker", &["trace-child", "attach"]),
    permitted("same-agent-seize", "tinker", &["trace-child", "seize"]),
    permitted("same-agent-trace-me", "tinker", &["trace-me"]),
    permitted("same-agent-not-confined", "plain", &["trace-child", "attach"]),
    permitted("same-agent-compare", "clerk", &["trace-child", "compare"]),
    refused("same-agent-attach-without-rule", "clerk", &["trace-child", "attach"], "ptrace", OWN),
    refused("same-agent-seize-without-rule", "clerk", &["trace-child", "seize"], "ptrace", OWN),
    refused("same-agent-write-memory-without-rule", "clerk", &["trace-child", "write-memory"], "process_vm_writev", OWN),
    refused("same-agent-trace-me-without-rule", "clerk", &["trace-me"], "ptrace", OWN),
];
