//! A user namespace is made.

use agentguard_common::event::Operation;
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::identity;

/// `clone(2)` and `unshare(2)` (Linux 6.1).
#[lsm(hook = "userns_create")]
pub fn userns_create(_: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    answer(&owner, Operation::Namespace, (0, 0), |limits| {
        limits.namespace()
    })
}
