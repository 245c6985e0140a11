//! N22, N23: options that say which way packets go.

use super::super::objects::table::{arriving, never, observed, optional, refused};
use crate::{
    harness::Case,
    world::addresses::{ALLOWED4, ALLOWED6, FORBIDDEN4, FORBIDDEN6},
};

const TO4: &str = "10.77.0.2:7001";
const TO6: &str = "[fd77::2]:7001";
const BY4: &str = "10.77.0.3:7001";
const BY6: &str = "[fd77::3]:7001";

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    arriving(ALLOWED4, refused("N22-device", "plain", &["option-udp", "device", TO4, "$device"], "setsockopt", never("option", &[("option", "SO_BINDTODEVICE")]))),
    arriving(ALLOWED6, refused("N22-device-v6", "clerk", &["option-tcp", "device", TO6, "$device"], "setsockopt", never("option", &[("option", "SO_BINDTODEVICE")]))),
    arriving(ALLOWED4, refused("N22-index", "plain", &["option-udp", "index", TO4, "$device"], "setsockopt", never("option", &[("option", "SO_BINDTOIFINDEX")]))),
    arriving(ALLOWED4, refused("N22-transparent", "plain", &["option-udp", "transparent", TO4], "setsockopt", never("option", &[("option", "IP_TRANSPARENT")]))),
    arriving(ALLOWED6, refused("N22-transparent-v6", "plain", &["option-udp", "transparent-v6", TO6], "setsockopt", never("option", &[("option", "IPV6_TRANSPARENT")]))),
    arriving(FORBIDDEN4, refused("N23-source-route", "plain", &["option-udp", "source-route", TO4, BY4], "setsockopt", never("option", &[("option", "IP_OPTIONS")]))),
    arriving(FORBIDDEN6, refused("N23-segments", "plain", &["option-udp", "segments", TO6, BY6], "setsockopt", never("option", &[("option", "IPV6_RTHDR")]))),
    arriving(FORBIDDEN6, refused("N23-segments-tcp", "clerk", &["option-tcp", "segments", TO6, BY6], "setsockopt", never("option", &[("option", "IPV6_RTHDR")]))),
    arriving(ALLOWED6, refused("N23-segments-2292", "plain", &["option-udp", "segments-2292", TO6], "setsockopt", never("option", &[("option", "IPV6_2292RTHDR")]))),
    optional(arriving(FORBIDDEN6, refused("N23-sticky-2292", "plain", &["option-udp", "sticky-2292", TO6, BY6], "setsockopt", never("option", &[("option", "IPV6_2292PKTOPTIONS")])))),
    arriving(ALLOWED4, observed("N22-device-observed", "watched", &["option-udp", "device", TO4, "$device"], never("option", &[("option", "SO_BINDTODEVICE")]))),
];
