//! I14, S16: user namespaces, where a scope says that there may be none, and where it says that there may.

use super::super::objects::table::{failing, no_rule, observed, permitted, refused};
use crate::harness::{Case, ObjectExpected};

const NAMESPACE: ObjectExpected = no_rule("namespace", &[]);
const AT: &str = "$tree/open/mount";
const SECRET: &str = "$tree/secret/file";

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    refused("S16-unshare", "clerk", &["namespace", "unshare"], "unshare", NAMESPACE),
    refused("S16-clone", "clerk", &["namespace", "clone"], "clone", NAMESPACE),
    refused("S16-clone3", "clerk", &["namespace", "clone3"], "clone3", NAMESPACE),
    observed("S16-observed", "watched", &["namespace", "unshare"], NAMESPACE),
    permitted("namespace-not-confined", "plain", &["namespace", "unshare"]),
    permitted("namespace-by-scope", "tinker", &["namespace", "unshare"]),
    permitted("namespace-by-scope-clone3", "tinker", &["namespace", "clone3"]),
    permitted("namespace-mount", "tinker", &["namespace-mount", AT, "$tree/read/file"]),
    permitted("namespace-mount-not-confined", "plain", &["namespace-mount", AT, SECRET]),
    failing("S16-files-inside", "tinker", &["namespace-mount", AT, SECRET], ("open", "EACCES"), no_rule("open", &[("path", SECRET), ("access", "read")])),
];
