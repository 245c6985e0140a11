//! U16: signals to processes that are not the agent's.

use super::super::objects::table::{never, observed, permitted, refused};
use crate::harness::Case;

const STRANGER: &str = "$stranger.pid";
const NEIGHBOUR: &str = "$neighbour.pid";

/// The record of a signal to somebody.
macro_rules! to {
    ($who:ident, $signal:literal) => {
        never("signal", &[("target_pid", $who), ("signal", $signal)])
    };
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    refused("U16-kill", "plain", &["signal", "kill", STRANGER, "15"], "kill", to!(STRANGER, "15")),
    refused("U16-kill-confined", "clerk", &["signal", "kill", STRANGER, "10"], "kill", to!(STRANGER, "10")),
    refused("U16-kill-another-agent", "plain", &["signal", "kill", NEIGHBOUR, "15"], "kill", to!(NEIGHBOUR, "15")),
    refused("U16-kill-group", "plain", &["signal", "group", STRANGER, "1"], "kill", to!(STRANGER, "1")),
    refused("U16-continue", "plain", &["signal", "kill", STRANGER, "18"], "kill", to!(STRANGER, "18")),
    refused("U16-tkill", "plain", &["signal", "tkill", STRANGER, "10"], "tkill", to!(STRANGER, "10")),
    refused("U16-tgkill", "plain", &["signal", "tgkill", STRANGER, "10"], "tgkill", to!(STRANGER, "10")),
    refused("U16-queue", "plain", &["signal", "queue", STRANGER, "10"], "rt_sigqueueinfo", to!(STRANGER, "10")),
    refused("U16-queue-to-thread", "plain", &["signal", "queue-thread", STRANGER, "10"], "rt_tgsigqueueinfo", to!(STRANGER, "10")),
    refused("U16-by-descriptor", "plain", &["signal", "descriptor", STRANGER, "15"], "pidfd_send_signal", to!(STRANGER, "15")),
    // What the kernel would send for it.
    refused("U16-as-owner-of-a-descriptor", "plain", &["signal", "owner", STRANGER, "10"], "F_SETOWN", never("signal", &[("target_pid", STRANGER)])),
    observed("U16-kill-observed", "watched", &["signal", "kill", STRANGER, "10"], to!(STRANGER, "10")),

    permitted("does-it-exist", "plain", &["signal", "kill", STRANGER, "0"]),
    permitted("does-it-exist-confined", "clerk", &["signal", "kill", NEIGHBOUR, "0"]),
    permitted("same-agent", "clerk", &["signal", "kill", "$clerk.pid", "10"]),
    permitted("same-agent-group", "clerk", &["signal", "group", "$clerk.pid", "10"]),
    permitted("own-child", "clerk", &["signal-child"]),
    permitted("own-child-not-confined", "plain", &["signal-child"]),
];
