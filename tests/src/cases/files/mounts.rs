//! F09 to F13: other views of the file system, by an agent that may make them.

use super::table::{because, no_rule, of, optional, permitted, refused};
use crate::harness::{Case, FileExpected};

const FILE: &str = "$tree/secret/file";
const DIRECTORY: &str = "$tree/secret";
const MOUNT: &str = "$tree/open/mount";

const fn unread() -> FileExpected {
    no_rule("open", "read", FILE)
}

const fn nowhere(path: &'static str) -> FileExpected {
    because("not-mounted", "open", "read", path)
}

const fn unmade(path: &'static str) -> FileExpected {
    because("not-mounted", "create", "write", path)
}

/// The agent of these cases may make user namespaces, and in them what it likes.
const fn within(case: Case) -> Case {
    of("tinker", case)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    within(permitted("may-bind", &["bind-mount", "user", "$tree/read", MOUNT, "file"])),
    within(refused("F10-bind-mount", &["bind-mount", "user", DIRECTORY, MOUNT, "file"], "open", unread())),
    within(refused("F10-bind-file", &["bind-file", "user", FILE, "$tree/open/file"], "open", unread())),
    within(refused("F11-open-tree", &["open-tree", "user", DIRECTORY, "file"], "open", unread())),
    within(refused("F11-move-mount", &["move-tree", "user", DIRECTORY, MOUNT, "file"], "open", unread())),
    within(refused("F12-tmpfs", &["new-tmpfs", "user", MOUNT], "open", unmade("/file"))),
    within(refused("F12-detached-tmpfs", &["detached-tmpfs", "user"], "open", unmade("/file"))),
    within(refused("F12-pivot-root", &["pivot-root", "user", DIRECTORY, MOUNT, "$tree/open", "$tree/open/empty", "/mount/file"], "open", unread())),
    within(permitted("may-chroot", &["chroot-inside", "user", "$tree/read", "/file"])),
    within(refused("F09-chroot-inside", &["chroot-inside", "user", DIRECTORY, "/file"], "chroot", no_rule("chroot", "read", DIRECTORY))),
    within(optional(refused("F13-overlay", &["overlay", "user", DIRECTORY, MOUNT, "file"], "open", nowhere("/file")))),
    within(refused("F15-own-procfs", &["own-proc", "user", MOUNT], "open", nowhere("/1/status"))),
];
