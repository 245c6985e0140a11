//! The files of cgroup v2, by which processes come into other cgroups: no agent changes them.

use agentguard_common::{event::Operation, path::Access, verdict::Reason};

use super::{
    check::{Request, report},
    look::without_rule,
};
use crate::{identity::Owner, kernel::Dentry, network::scope::word};

/// `CGROUP2_SUPER_MAGIC` of `include/uapi/linux/magic.h`.
const MAGIC: u64 = 0x6367_7270;

/// Whether an agent may change what is at `at`; `None` if it is none of these files, or the agent's files are not
/// confined. A refusal is recorded.
#[inline(always)]
pub fn may_change(owner: &Owner, at: Dentry) -> Option<bool> {
    if at.superblock().magic() != MAGIC {
        return None;
    }
    let word = word(owner.tag.agent);
    if !word.confines_files() {
        return None;
    }
    let request = Request::new(*owner, at, Access::Write.bit(), Operation::Cgroup);
    let found = without_rule(Reason::Never) | (Access::Write as u64) << 16;
    Some(report(&request, word, found as u32))
}
