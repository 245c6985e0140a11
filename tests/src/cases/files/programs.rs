//! X01 and its like: executing.

use super::table::{no_rule, observed, of, permitted, refused};
use crate::harness::{Case, FileExpected};

const BIN: &str = "$tree/bin/tool";
const READ: &str = "$tree/read/tool";
const SECRET: &str = "$tree/secret/tool";

const fn unexecuted(path: &'static str) -> FileExpected {
    no_rule("exec", "exec", path)
}

const fn unmapped(path: &'static str) -> FileExpected {
    no_rule("map", "exec", path)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("may-exec", &["execve", BIN]),
    permitted("may-exec-by-descriptor", &["execveat", BIN]),
    permitted("may-map-a-program", &["map-exec", BIN]),
    permitted("may-protect-a-program", &["protect-exec", BIN]),

    refused("X-exec", &["execve", SECRET], "exec", unexecuted(SECRET)),
    refused("X-exec-what-may-be-read", &["execve", READ], "exec", unexecuted(READ)),
    refused("X-exec-what-may-be-written", &["execve", "$tree/open/tool"], "exec", unexecuted("$tree/open/tool")),
    refused("X-execveat", &["execveat", SECRET], "exec", unexecuted(SECRET)),
    refused("X-exec-process", &["exec-process", SECRET], "exec", unexecuted(SECRET)),
    refused("X-exec-script", &["execve", "$tree/open/script"], "exec", unexecuted("$tree/open/script")),
    refused("X-map", &["map-exec", READ], "mmap", unmapped(READ)),
    refused("X-protect", &["protect-exec", READ], "mprotect", unmapped(READ)),

    of("watched", observed("observed-map", &["map-exec", "$tree/open/tool"], &[unmapped("$tree/open/tool")])),
    of("watched", observed("observed-exec", &["execve", SECRET], &[unexecuted(SECRET), unmapped(SECRET)])),
];
