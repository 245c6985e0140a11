//! What can be changed without a descriptor that may be written to.

use super::super::objects::table::{failing, no_rule, observed, optional, permitted};
use crate::harness::{Case, ObjectExpected};

const OPEN: &str = "$tree/open/file";
const READ: &str = "$tree/read/file";
const SECRET: &str = "$tree/secret/file";
const OF_READ: ObjectExpected = of(&[("path", READ), ("access", "write")]);

const fn of(fields: &'static [(&'static str, &'static str)]) -> ObjectExpected {
    no_rule("attributes", fields)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    optional(permitted("may-set-flags", "clerk", &["file-flags", "old", OPEN])),
    permitted("may-set-times", "clerk", &["file-times", "path", OPEN]),
    permitted("may-set-times-by-descriptor", "clerk", &["file-times", "descriptor", OPEN]),
    permitted("times-not-confined", "plain", &["file-times", "path", SECRET]),
    optional(failing("flags", "clerk", &["file-flags", "old", READ], ("ioctl", "EACCES"), OF_READ)),
    optional(failing("flags-by-the-newer-call", "clerk", &["file-flags", "new", READ], ("ioctl", "EACCES"), OF_READ)),
    failing("times", "clerk", &["file-times", "path", READ], ("utimens", "EACCES"), OF_READ),
    failing("times-by-descriptor", "clerk", &["file-times", "descriptor", READ], ("utimens", "EACCES"), OF_READ),
    failing("times-of-now", "clerk", &["file-times", "now", READ], ("utimens", "EACCES"), OF_READ),
    failing("times-of-a-secret", "clerk", &["file-times", "path", SECRET], ("utimens", "EACCES"), of(&[("path", SECRET), ("access", "write")])),
    observed("times-observed", "watched", &["file-times", "path", READ], OF_READ),
];
