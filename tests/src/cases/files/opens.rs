//! F01, F04, F15, F19, F26: opening, in every way, for every purpose.

use super::table::{by_rule, no_rule, observed, of, permitted, refused};
use crate::harness::{Case, FileExpected};

const SECRET: &str = "$tree/secret/file";
const READ: &str = "$tree/read/file";
const OPEN: &str = "$tree/open/file";
const DENIED: &str = "$tree/open/denied/file";

const fn unread() -> FileExpected {
    no_rule("open", "read", SECRET)
}

const fn unwritten() -> FileExpected {
    no_rule("open", "write", READ)
}

const fn denied(access: &'static str) -> FileExpected {
    by_rule("open", access, DENIED, "deny $tree/open/denied/**")
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("may-read", &["open", "open", "read", READ]),
    permitted("may-list", &["open", "open", "list", "$tree/read/dir"]),
    permitted("list-the-pattern-itself", &["open", "open", "list", "$tree/read"]),
    permitted("may-write", &["open", "open", "write", OPEN]),
    permitted("write-implies-read", &["open", "open", "read", OPEN]),
    permitted("may-both", &["open", "openat2", "both", OPEN]),
    permitted("may-append", &["open", "openat", "append", OPEN]),
    permitted("may-truncate", &["open", "openat", "truncate", OPEN]),
    permitted("relative", &["open", "relative", "write", OPEN]),
    permitted("reopen", &["open", "reopen", "write", OPEN]),
    permitted("handle", &["open", "handle", "read", READ]),
    permitted("exec-implies-read", &["open", "open", "read", "$tree/bin/tool"]),
    permitted("own-process", &["open", "open", "read", "/proc/self/status"]),
    permitted("own-name", &["open", "open", "both", "/proc/self/comm"]),
    // A link may be anywhere: what it leads to counts.
    permitted("F04-link-out-of-the-secret", &["open", "open", "write", "$tree/secret/link"]),

    refused("F01-open", &["open", "open", "read", SECRET], "open", unread()),
    refused("F01-openat", &["open", "openat", "read", SECRET], "open", unread()),
    refused("F01-openat2", &["open", "openat2", "read", SECRET], "open", unread()),
    refused("F01-reopen", &["open", "reopen", "read", SECRET], "open", unread()),
    refused("F01-handle", &["open", "handle", "read", SECRET], "open", unread()),
    refused("F01-relative", &["open", "relative", "read", SECRET], "open", unread()),
    refused("F01-dots", &["open", "dots", "read", SECRET], "open", unread()),
    refused("F26-directory-descriptor", &["open", "descriptor", "read", SECRET], "open", unread()),
    refused("F15-proc-root", &["open", "root", "read", SECRET], "open", unread()),
    refused("F15-proc-cwd", &["open", "cwd", "read", SECRET], "open", unread()),
    refused("F04-link", &["open", "open", "read", "$tree/open/link"], "open", unread()),
    refused("F04-directory-link", &["open", "open", "read", "$tree/open/dirlink/file"], "open", unread()),
    refused("F04-directory-link-and-back", &["open", "open", "read", "$tree/open/dirlink/../secret/file"], "open", unread()),
    refused("list", &["open", "open", "list", "$tree/secret"], "open", no_rule("open", "read", "$tree/secret")),
    refused("list-above", &["open", "open", "list", "$tree"], "open", no_rule("open", "read", "$tree")),
    refused("list-the-root", &["open", "open", "list", "/"], "open", no_rule("open", "read", "/")),

    refused("write-what-may-be-read", &["open", "open", "write", READ], "open", unwritten()),
    refused("append-to-what-may-be-read", &["open", "openat", "append", READ], "open", unwritten()),
    refused("both-of-what-may-be-read", &["open", "openat2", "both", READ], "open", unwritten()),
    refused("reopen-to-write", &["open", "reopen", "write", READ], "open", unwritten()),
    refused("F23-truncate", &["open", "open", "truncate", READ], "open", unwritten()),
    refused("F23-creat", &["open", "creat", "truncate", READ], "open", unwritten()),
    refused("F23-truncate-while-reading", &["open", "open", "read-truncate", READ], "open", unwritten()),
    refused("F23-truncate-with-neither", &["open", "open", "neither-truncate", READ], "open", unwritten()),
    permitted("may-neither", &["open", "open", "neither", OPEN]),
    refused("neither", &["open", "open", "neither", SECRET], "open", unread()),
    refused("neither-of-what-may-be-read", &["open", "open", "neither", READ], "open", unwritten()),
    refused("write-a-program", &["open", "open", "write", "$tree/bin/tool"], "open", no_rule("open", "write", "$tree/bin/tool")),
    refused("another-process", &["open", "open", "read", "/proc/1/status"], "open", no_rule("open", "read", "/proc/1/status")),

    refused("denied-read", &["open", "open", "read", DENIED], "open", denied("read")),
    refused("denied-write", &["open", "open", "write", DENIED], "open", denied("write")),
    refused("denied-directory", &["open", "open", "list", "$tree/open/denied"], "open", by_rule("open", "read", "$tree/open/denied", "deny $tree/open/denied/**")),
    refused("denied-literally", &["open", "open", "read", "$tree/read/denied"], "open", by_rule("open", "read", "$tree/read/denied", "deny $tree/read/denied")),
    refused("denied-anywhere", &["open", "open", "read", "$tree/open/.env"], "open", by_rule("open", "read", "$tree/open/.env", "deny **/.env")),

    observed("observed-rule", &["open", "open", "read", "$tree/watched/file"], &[by_rule("open", "read", "$tree/watched/file", "read $tree/watched/**")]),
    refused("write-what-is-observed", &["open", "open", "write", "$tree/watched/file"], "open", no_rule("open", "write", "$tree/watched/file")),
    // That reading is only observed permits no writing.
    refused("both-of-what-is-observed", &["open", "open", "both", "$tree/watched/file"], "open", no_rule("open", "write", "$tree/watched/file")),
    refused("truncate-what-is-observed", &["open", "open", "read-truncate", "$tree/watched/file"], "open", no_rule("open", "write", "$tree/watched/file")),
    of("watched", permitted("observed-agent-permitted", &["open", "open", "write", OPEN])),
    of("watched", observed("observed-agent-no-rule", &["open", "open", "read", SECRET], &[unread()])),
    of("watched", observed("observed-agent-denied", &["open", "open", "write", DENIED], &[denied("write")])),
];
