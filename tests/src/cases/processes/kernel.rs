//! S04, S15: code for the kernel. Nothing that it would take is tried: untagged it says why not.

use super::super::objects::table::{never, observed, optional, refused, untagged};
use crate::harness::Case;

const FILE: &str = "$tree/read/file";

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    untagged("bpf", "EINVAL", refused("S04-bpf-map", "plain", &["bpf", "0"], "bpf", never("bpf", &[("command", "0")]))),
    untagged("bpf", "E2BIG", refused("S04-bpf-program", "plain", &["bpf", "5"], "bpf", never("bpf", &[("command", "5")]))),
    untagged("bpf", "E2BIG", refused("S04-bpf-program-confined", "clerk", &["bpf", "5"], "bpf", never("bpf", &[("command", "5")]))),
    untagged("bpf", "EINVAL", refused("S04-bpf-detach", "plain", &["bpf", "34"], "bpf", never("bpf", &[("command", "34")]))),
    untagged("bpf", "EINVAL", refused("S04-bpf-unknown", "plain", &["bpf", "99"], "bpf", never("bpf", &[("command", "99")]))),
    refused("S04-bpf-list", "plain", &["bpf", "11"], "bpf", never("bpf", &[("command", "11")])),
    untagged("bpf", "EINVAL", observed("S04-bpf-observed", "watched", &["bpf", "0"], never("bpf", &[("command", "0")]))),
    optional(untagged("load", "ENOEXEC", refused("S15-module-from-memory", "plain", &["module", "memory"], "load", never("module", &[])))),
    optional(untagged("load", "ENOEXEC", refused("S15-module-from-file", "plain", &["module", "file", FILE], "load", never("module", &[])))),
    optional(untagged("load", "EINVAL", refused("S15-kexec-from-memory", "plain", &["kexec", "memory"], "load", never("module", &[])))),
    optional(untagged("load", "ENOEXEC", refused("S15-kexec-from-file", "plain", &["kexec", "file", FILE], "load", never("module", &[])))),
];
