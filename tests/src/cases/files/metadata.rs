//! Modes, owners, times, extended attributes; the root directory.

use super::table::{by_rule, no_rule, observed, of, optional, permitted, refused};
use crate::harness::{Case, FileExpected};

const OPEN: &str = "$tree/open/file";
const READ: &str = "$tree/read/file";
const SECRET: &str = "$tree/secret/file";
const DENIED: &str = "$tree/open/denied/file";

const fn unchanged(path: &'static str) -> FileExpected {
    no_rule("attributes", "write", path)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("may-chmod", &["chmod", "path", OPEN]),
    permitted("may-chown", &["chown", "descriptor", OPEN]),
    permitted("may-utimes", &["utimes", "path", OPEN]),
    permitted("may-setxattr", &["setxattr", "descriptor", OPEN]),

    refused("utimes", &["utimes", "path", SECRET], "utimes", unchanged(SECRET)),
    refused("utimes-by-descriptor", &["utimes", "descriptor", READ], "utimes", unchanged(READ)),
    optional(permitted("may-chattr", &["chattr", OPEN])),
    optional(refused("chattr", &["chattr", READ], "ioctl", unchanged(READ))),

    refused("chmod", &["chmod", "path", SECRET], "chmod", unchanged(SECRET)),
    refused("chmod-by-descriptor", &["chmod", "descriptor", READ], "chmod", unchanged(READ)),
    optional(refused("chmod-by-reference", &["chmod", "reference", SECRET], "chmod", unchanged(SECRET))),
    refused("chmod-by-process", &["chmod", "process", SECRET], "chmod", unchanged(SECRET)),
    refused("chmod-through-a-link", &["chmod", "path", "$tree/open/link"], "chmod", unchanged(SECRET)),
    refused("chmod-what-is-denied", &["chmod", "path", DENIED], "chmod", by_rule("attributes", "write", DENIED, "deny $tree/open/denied/**")),
    refused("chown", &["chown", "path", SECRET], "chown", unchanged(SECRET)),
    refused("chown-by-descriptor", &["chown", "descriptor", READ], "chown", unchanged(READ)),
    refused("chown-by-reference", &["chown", "reference", SECRET], "chown", unchanged(SECRET)),
    refused("setxattr", &["setxattr", "path", SECRET], "setxattr", unchanged(SECRET)),
    refused("setxattr-by-descriptor", &["setxattr", "descriptor", READ], "setxattr", unchanged(READ)),
    // Another way into the kernel than other extended attributes have, from Linux 6.2 on.
    optional(refused("acl", &["acl", "path", SECRET], "setxattr", unchanged(SECRET))),
    optional(refused("acl-by-descriptor", &["acl", "descriptor", READ], "setxattr", unchanged(READ))),

    of("watched", observed("observed-chmod", &["chmod", "path", SECRET], &[unchanged(SECRET)])),
    refused("F09-chroot", &["chroot", "$tree/secret", "/file"], "chroot", no_rule("chroot", "read", "$tree/secret")),
];
