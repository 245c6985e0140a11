//! N20: messages to the kernel that would change the host's network.

use super::super::objects::table::{never, observed, permitted, refused};
use crate::harness::{Case, ObjectExpected};

/// The record, with the type of the message.
macro_rules! of {
    ($message:literal) => {
        never("netlink", &[("command", $message), ("protocol", "0")])
    };
}

const ROUTE: ObjectExpected = of!("24");

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("netlink-route", "plain", &["netlink-route"]),
    permitted("netlink-route-confined", "clerk", &["netlink-route"]),
    permitted("netlink-apart", "tinker", &["netlink-apart"]),
    refused("N20-route", "plain", &["netlink-change", "route", "$device"], "send", ROUTE),
    refused("N20-route-confined", "clerk", &["netlink-change", "route", "$device"], "send", ROUTE),
    refused("N20-route-behind-a-question", "plain", &["netlink-change", "behind", "$device"], "send", ROUTE),
    refused("N20-route-behind-many", "plain", &["netlink-change", "many", "$device"], "send", of!("22")),
    refused("N20-interface", "plain", &["netlink-change", "new", "$device"], "send", of!("16")),
    refused("N20-interface-set", "plain", &["netlink-change", "set", "$device"], "send", of!("19")),
    observed("N20-interface-observed", "watched", &["netlink-change", "set", "$device"], of!("19")),
];
