//! F23: changing content in other ways than by writing.

use super::table::{by_rule, no_rule, permitted, refused};
use crate::harness::Case;

const OPEN: &str = "$tree/open/file";
const READ: &str = "$tree/read/file";
const SECRET: &str = "$tree/secret/file";
const DENIED: &str = "$tree/open/denied/file";

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("may-truncate-by-path", &["truncate", OPEN]),
    permitted("may-truncate-by-descriptor", &["ftruncate", OPEN]),
    permitted("may-punch", &["fallocate", OPEN]),
    permitted("may-copy", &["copy-range", READ, OPEN]),
    permitted("may-map", &["map-shared", OPEN]),

    refused("F23-truncate-by-path", &["truncate", READ], "truncate", no_rule("truncate", "write", READ)),
    refused("F23-truncate-a-secret", &["truncate", SECRET], "truncate", no_rule("truncate", "write", SECRET)),
    refused("F23-truncate-what-is-denied", &["truncate", DENIED], "truncate", by_rule("truncate", "write", DENIED, "deny $tree/open/denied/**")),
    refused("F23-ftruncate", &["ftruncate", READ], "open", no_rule("open", "write", READ)),
    refused("F23-fallocate", &["fallocate", READ], "open", no_rule("open", "write", READ)),
    refused("F23-copy-into", &["copy-range", READ, SECRET], "open", no_rule("open", "write", SECRET)),
    refused("F23-copy-out-of", &["copy-range", SECRET, OPEN], "open", no_rule("open", "read", SECRET)),
    refused("F23-sendfile", &["sendfile", OPEN, READ], "open", no_rule("open", "write", READ)),
    refused("F23-map", &["map-shared", READ], "open", no_rule("open", "write", READ)),
];
