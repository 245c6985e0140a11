//! I01, I02: the files of cgroups, and children that are born elsewhere. Who leaves all the same is in
//! `identity.rs`.

use super::super::objects::table::{failing, never, observed, permitted, refused};
use crate::harness::{Case, ObjectExpected};

const CGROUP: ObjectExpected = never("cgroup", &[("path", "*"), ("access", "write")]);
const BORN: ObjectExpected = never("cgroup", &[]);

const fn opening(name: &'static str, probe: &'static [&'static str]) -> Case {
    failing(name, "keeper", probe, ("open", "EACCES"), CGROUP)
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    // The agent may write every file there is.
    opening("I01-open-own-processes", &["cgroup-open", "own", "cgroup.procs"]),
    opening("I01-open-own-threads", &["cgroup-open", "own", "cgroup.threads"]),
    opening("I01-open-own-children", &["cgroup-open", "own", "cgroup.subtree_control"]),
    opening("I01-open-other-processes", &["cgroup-open", "root", "cgroup.procs"]),
    opening("I01-open-controllers", &["cgroup-open", "root", "cgroup.subtree_control"]),
    permitted("open-not-confined", "plain", &["cgroup-open", "own", "cgroup.procs"]),
    refused("I02-clone", "plain", &["cgroup-clone", "read"], "clone3", BORN),
    refused("I02-clone-by-path", "plain", &["cgroup-clone", "path"], "clone3", BORN),
    refused("I02-clone-confined", "keeper", &["cgroup-clone", "path"], "clone3", BORN),
    observed("I02-clone-observed", "watched", &["cgroup-clone", "path"], BORN),
];
