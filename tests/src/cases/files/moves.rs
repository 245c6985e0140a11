//! F02, F03, F05, F06: other names for what there is.

use super::table::{because, by_rule, failing, no_rule, observed, of, permitted, refused};
use crate::harness::{Case, FileExpected};

const OPEN: &str = "$tree/open/file";
const OTHER: &str = "$tree/open/other";
const NEW: &str = "$tree/open/new";
const READ: &str = "$tree/read/file";
const SECRET: &str = "$tree/secret/file";
const DENIED: &str = "$tree/open/denied/file";
const DENIAL: &str = "deny $tree/open/denied/**";

const fn unlinked(path: &'static str) -> FileExpected {
    no_rule("link", "write", path)
}

const fn unmoved(path: &'static str) -> FileExpected {
    no_rule("rename", "write", path)
}

/// What a directory takes along would have more rights.
const fn gains(path: &'static str) -> FileExpected {
    because("gains", "rename", "write", path)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("may-rename", &["move", OPEN, NEW]),
    permitted("may-rename-over", &["move-at", OPEN, OTHER]),
    permitted("may-exchange", &["move-with", "exchange", OPEN, OTHER]),
    permitted("may-rename-a-directory", &["move", "$tree/open/dir", NEW]),
    permitted("may-rename-without-replacing", &["move-with", "noreplace", OPEN, NEW]),

    refused("F02-link-a-secret", &["link", SECRET, NEW], "link", unlinked(SECRET)),
    refused("F02-link-what-may-be-read", &["link", READ, NEW], "link", unlinked(READ)),
    refused("F02-link-descriptor", &["link-descriptor", SECRET, NEW], "link", unlinked(SECRET)),
    refused("F02-link-process", &["link-process", SECRET, NEW], "link", unlinked(SECRET)),
    refused("F02-link-into-the-secret", &["link", OPEN, "$tree/secret/new"], "link", unlinked("$tree/secret/new")),
    refused("F02-link-what-is-denied", &["link", DENIED, NEW], "link", by_rule("link", "write", DENIED, DENIAL)),
    // A file that has two names from the beginning has both: `check` cannot know, the guide says it.
    permitted("F03-old-link", &["open", "open", "read", "$tree/open/hard"]),

    refused("F05-rename-a-secret", &["move", SECRET, NEW], "rename", unmoved(SECRET)),
    refused("F05-rename-what-may-be-read", &["move", READ, NEW], "rename", unmoved(READ)),
    refused("F05-rename-a-secret-directory", &["move", "$tree/secret/dir", NEW], "rename", unmoved("$tree/secret/dir")),
    refused("F05-rename-by-descriptors", &["move-at", SECRET, NEW], "rename", unmoved(SECRET)),
    refused("F05-rename-into-the-secret", &["move", OPEN, "$tree/secret/new"], "rename", unmoved("$tree/secret/new")),
    refused("F05-rename-what-is-denied", &["move", DENIED, NEW], "rename", by_rule("rename", "write", DENIED, DENIAL)),
    refused("F06-rename-over-a-secret", &["move", OPEN, SECRET], "rename", unmoved(SECRET)),
    refused("F06-rename-over-what-is-denied", &["move", OPEN, DENIED], "rename", by_rule("rename", "write", DENIED, DENIAL)),
    refused("F06-rename-to-a-denied-name", &["move", OPEN, "$tree/open/dir/.env"], "rename", by_rule("rename", "write", "$tree/open/dir/.env", "deny **/.env")),
    refused("exchange-with-a-secret", &["move-with", "exchange", OPEN, SECRET], "rename", unmoved(SECRET)),
    refused("exchange-from-a-secret", &["move-with", "exchange", SECRET, OPEN], "rename", unmoved(SECRET)),
    refused("whiteout", &["move-with", "whiteout", SECRET, NEW], "rename", unmoved(SECRET)),
    refused("noreplace", &["move-with", "noreplace", SECRET, NEW], "rename", unmoved(SECRET)),

    // The directory above what is denied may be written: moved away, its content would be denied no more.
    failing("F05-lift-a-denial", &["move", "$tree/open/denied-dir", NEW], "rename", "EXDEV", gains(NEW)),
    failing("F05-gain-beneath", &["move", "$tree/open/loose", "$tree/open/tight"], "rename", "EXDEV", gains("$tree/open/tight")),
    failing("F05-exchange-lifts-a-denial", &["move-with", "exchange", "$tree/open/dir", "$tree/open/denied-dir"], "rename", "EXDEV", gains("$tree/open/denied-dir")),

    of("watched", observed("observed-rename", &["move", SECRET, NEW], &[unmoved(SECRET)])),
    of("watched", observed("observed-link", &["link", SECRET, NEW], &[unlinked(SECRET)])),
];
