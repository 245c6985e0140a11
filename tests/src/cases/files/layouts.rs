//! The first layout of the kernel's own tests of Landlock, and what agentguard does with it:
//! `docs/landlock-compared.md`.

use super::table::{because, by_rule, failing, no_rule, of, permitted, refused};
use crate::harness::Case;

const F1: &str = "$tree/s1d1/f1";
const F12: &str = "$tree/s1d1/s1d2/f1";
const F123: &str = "$tree/s1d1/s1d2/s1d3/f1";
const DENIED: &str = "$tree/s1d1/s1d2/s1d3/f2";
const FILE: &str = "$tree/s2d1/s2d2/f1";
const BESIDE: &str = "$tree/s2d1/s2d2/f2";
const OTHER: &str = "$tree/s2d1/s2d2/s2d3/f1";
const NEW: &str = "$tree/s2d1/s2d2/s2d3/new";
const NEW_ABOVE: &str = "$tree/s1d1/s1d2/new";
const DIRECTORY: &str = "$tree/s1d1/s1d2/s1d3";

const fn nested(case: Case) -> Case {
    of("nested", case)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    nested(permitted("landlock-rule-above", &["open", "open", "read", F12])),
    nested(permitted("landlock-rule-two-above", &["open", "open", "read", F123])),
    nested(refused("landlock-above-the-rule", &["open", "open", "read", F1], "open", no_rule("open", "read", F1))),
    nested(permitted("landlock-rule-of-a-file", &["open", "open", "read", FILE])),
    nested(refused("landlock-beside-a-file", &["open", "open", "read", BESIDE], "open", no_rule("open", "read", BESIDE))),
    nested(permitted("landlock-nested-rule-adds", &["open", "open", "write", F123])),
    nested(refused("landlock-nested-rule-does-not-reach-up", &["open", "open", "write", F12], "open", no_rule("open", "write", F12))),
    nested(refused("landlock-denial-narrows", &["open", "open", "read", DENIED], "open", by_rule("open", "read", DENIED, "deny $tree/s1d1/s1d2/s1d3/f2"))),
    nested(permitted("landlock-reparent-link", &["link", F123, NEW])),
    nested(permitted("landlock-reparent-rename", &["move", F123, NEW])),
    nested(permitted("landlock-reparent-exchange", &["move-with", "exchange", F123, OTHER])),
    nested(refused("landlock-reparent-from-what-may-be-read", &["move", F12, NEW], "rename", no_rule("rename", "write", F12))),
    nested(refused("landlock-reparent-to-what-may-be-read", &["link", F123, NEW_ABOVE], "link", no_rule("link", "write", NEW_ABOVE))),
    // A denial is beneath it.
    nested(failing("landlock-reparent-directory", &["move", DIRECTORY, NEW], "rename", "EXDEV", because("gains", "rename", "write", NEW))),
];
