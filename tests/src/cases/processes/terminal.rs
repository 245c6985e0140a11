//! Typing into a terminal, for who reads it.

use super::super::objects::table::{never, refused, untagged};
use crate::harness::{Case, ObjectExpected};

const TERMINAL: ObjectExpected = never("terminal", &[]);

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    refused("terminal-type", "plain", &["terminal-input", "type"], "ioctl", TERMINAL),
    untagged("ioctl", "ENOTTY", refused("terminal-console", "plain", &["terminal-input", "console"], "ioctl", TERMINAL)),
];
