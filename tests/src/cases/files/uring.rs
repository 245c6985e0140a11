//! F37: the same through `io_uring`, executed by the task, by a worker and by a polling thread.

use super::table::{no_rule, optional, permitted, refused};
use crate::harness::Case;

const OPEN: &str = "$tree/open/file";
const NEW: &str = "$tree/open/new";
const READ: &str = "$tree/read/file";
const SECRET: &str = "$tree/secret/file";
const SECRET_NEW: &str = "$tree/secret/new";

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    permitted("uring-allowed-inline", &["uring-open", "inline", "read", READ]),
    permitted("uring-allowed-worker", &["uring-open", "worker", "write", OPEN]),
    refused("F37-open-inline", &["uring-open", "inline", "read", SECRET], "open", no_rule("open", "read", SECRET)),
    refused("F37-open-worker", &["uring-open", "worker", "read", SECRET], "open", no_rule("open", "read", SECRET)),
    refused("F37-open-polled", &["uring-open", "polled", "read", SECRET], "open", no_rule("open", "read", SECRET)),
    refused("F37-open2-inline", &["uring-open2", "inline", "write", READ], "open", no_rule("open", "write", READ)),
    refused("F37-open2-worker", &["uring-open2", "worker", "truncate", READ], "open", no_rule("open", "write", READ)),
    refused("F37-create-worker", &["uring-open", "worker", "create", SECRET_NEW], "open", no_rule("create", "write", SECRET_NEW)),
    refused("F37-unlink-inline", &["uring-unlink", "inline", SECRET], "unlink", no_rule("remove", "write", SECRET)),
    refused("F37-unlink-worker", &["uring-unlink", "worker", READ], "unlink", no_rule("remove", "write", READ)),
    refused("F37-unlink-polled", &["uring-unlink", "polled", READ], "unlink", no_rule("remove", "write", READ)),
    refused("F37-mkdir-inline", &["uring-mkdir", "inline", SECRET_NEW], "mkdir", no_rule("create", "write", SECRET_NEW)),
    refused("F37-symlink-worker", &["uring-symlink", "worker", OPEN, SECRET_NEW], "symlink", no_rule("create", "write", SECRET_NEW)),
    refused("F37-link-inline", &["uring-link", "inline", SECRET, NEW], "link", no_rule("link", "write", SECRET)),
    refused("F37-link-worker", &["uring-link", "worker", SECRET, NEW], "link", no_rule("link", "write", SECRET)),
    refused("F37-rename-inline", &["uring-rename", "inline", SECRET, NEW], "rename", no_rule("rename", "write", SECRET)),
    refused("F37-rename-worker", &["uring-rename", "worker", OPEN, SECRET], "rename", no_rule("rename", "write", SECRET)),
    refused("F37-rename-polled", &["uring-rename", "polled", SECRET, NEW], "rename", no_rule("rename", "write", SECRET)),
    optional(refused("F37-setxattr-worker", &["uring-setxattr", "worker", SECRET], "setxattr", no_rule("attributes", "write", SECRET))),
];
