//! What is on disk: `open` may be written, `read` be read, `secret` is in no rule.

use crate::host::{
    Layout,
    Thing::{Directory, File},
};

pub(in super::super) const LAYOUT: Layout = &[
    ("open", Directory),
    ("open/file", File("open")),
    ("open/mount", Directory),
    ("read", Directory),
    ("read/file", File("read")),
    ("secret", Directory),
    ("secret/file", File("secret")),
];
