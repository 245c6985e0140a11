//! F06, F28, F35: making and removing.

use super::table::{because, by_rule, no_rule, observed, of, optional, permitted, refused};
use crate::harness::{Case, FileExpected};

/// In a directory that may be written, in one that may be read, in one in no rule, in a denied one.
const OPEN: &str = "$tree/open/new";
const READ: &str = "$tree/read/new";
const SECRET: &str = "$tree/secret/new";
const DENIED: &str = "$tree/open/denied/new";
const DENIAL: &str = "deny $tree/open/denied/**";

const fn unmade(path: &'static str) -> FileExpected {
    no_rule("create", "write", path)
}

const fn unremoved(path: &'static str) -> FileExpected {
    no_rule("remove", "write", path)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("may-create", &["open", "open", "create", OPEN]),
    permitted("may-creat", &["open", "creat", "create", OPEN]),
    permitted("may-unlink", &["unlink", "$tree/open/file"]),
    permitted("may-rmdir", &["rmdir", "$tree/open/empty"]),
    permitted("may-mkdir", &["mkdir", OPEN]),
    permitted("may-mknod", &["mknod", "fifo", OPEN]),
    permitted("may-bind-a-socket", &["socket-file", OPEN]),
    permitted("may-symlink", &["symlink", "/etc/shadow", OPEN]),
    permitted("may-unlink-a-link", &["unlink", "$tree/open/link"]),
    permitted("may-link", &["link", "$tree/open/file", OPEN]),

    refused("create", &["open", "open", "create", SECRET], "open", unmade(SECRET)),
    refused("create-beneath-what-may-be-read", &["open", "openat", "create", READ], "open", unmade(READ)),
    refused("create-to-read", &["open", "openat2", "create-read", READ], "open", unmade(READ)),
    refused("create-by-descriptor", &["open", "descriptor", "create", SECRET], "open", unmade(SECRET)),
    refused("creat", &["open", "creat", "create", SECRET], "open", unmade(SECRET)),
    refused("F35-create-denied", &["open", "open", "create", DENIED], "open", by_rule("create", "write", DENIED, DENIAL)),
    refused("create-denied-name", &["open", "open", "create", "$tree/open/dir/.env"], "open", by_rule("create", "write", "$tree/open/dir/.env", "deny **/.env")),
    refused("create-through-a-link", &["open", "open", "create", "$tree/open/dirlink/new"], "open", unmade(SECRET)),

    refused("unlink", &["unlink", "$tree/secret/file"], "unlink", unremoved("$tree/secret/file")),
    refused("unlinkat", &["unlinkat", "$tree/read/file"], "unlink", unremoved("$tree/read/file")),
    refused("unlink-denied", &["unlink", "$tree/open/denied/file"], "unlink", by_rule("remove", "write", "$tree/open/denied/file", DENIAL)),
    refused("unlink-through-a-link", &["unlink", "$tree/open/dirlink/file"], "unlink", unremoved("$tree/secret/file")),
    refused("rmdir", &["rmdir", "$tree/secret/empty"], "rmdir", unremoved("$tree/secret/empty")),
    refused("mkdir", &["mkdir", SECRET], "mkdir", unmade(SECRET)),
    refused("mkdirat", &["mkdirat", READ], "mkdir", unmade(READ)),
    refused("mkdir-denied", &["mkdir", DENIED], "mkdir", by_rule("create", "write", DENIED, DENIAL)),
    refused("mknod-file", &["mknod", "file", SECRET], "mknod", unmade(SECRET)),
    refused("mknod-fifo", &["mknod", "fifo", SECRET], "mknod", unmade(SECRET)),
    refused("mknod-socket", &["mknod", "socket", SECRET], "mknod", unmade(SECRET)),
    refused("bind-a-socket", &["socket-file", SECRET], "bind", unmade(SECRET)),
    refused("symlink", &["symlink", "$tree/open/file", SECRET], "symlink", unmade(SECRET)),
    // A device is what it is, whatever its name: no rule can permit making one.
    refused("F28-character-device", &["mknod", "character", OPEN], "mknod", because("never", "create", "write", OPEN)),
    refused("F28-block-device", &["mknod", "block", OPEN], "mknod", because("never", "create", "write", OPEN)),

    of("watched", observed("observed-unlink", &["unlink", "$tree/secret/file"], &[unremoved("$tree/secret/file")])),
    of("watched", observed("observed-mkdir", &["mkdir", SECRET], &[unmade(SECRET)])),

    // Without a name to begin with: linked into the directory it would have one.
    optional(refused("nameless", &["tmpfile", "$tree/secret"], "open", no_rule("open", "write", "$tree/secret/#*"))),
    optional(permitted("may-nameless", &["tmpfile", "$tree/open"])),
];
