//! Mounts are changed.
//!
//! Who is in a user namespace that was made has rights over mounts of its own only: the kernel gives none over
//! those of the namespaces above (`ns_capable` in `fs/namespace.c`).

use agentguard_common::{event::Operation, process::Mounts};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::{
    identity,
    kernel::{FsContext, Task},
};

#[inline(always)]
fn mount() -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let place = if Task::current().is_in_initial_user_namespace() {
        Mounts::Host
    } else {
        Mounts::Apart
    };
    answer(&owner, Operation::Mount, (0, 0), |limits| {
        limits.mount(place)
    })
}

/// `mount(2)`, whatever it does.
#[lsm(hook = "sb_mount")]
pub fn sb_mount(_: LsmContext) -> i32 {
    mount()
}

#[lsm(hook = "sb_umount")]
pub fn sb_umount(_: LsmContext) -> i32 {
    mount()
}

#[lsm(hook = "sb_pivotroot")]
pub fn sb_pivotroot(_: LsmContext) -> i32 {
    mount()
}

/// `move_mount(2)`.
#[lsm(hook = "move_mount")]
pub fn move_mount(_: LsmContext) -> i32 {
    mount()
}

/// `fsconfig(2)`: before a file system is made, which can mean to talk to a server. The kernel says more of
/// contexts that processes made, by a log; those that it makes itself have none.
#[lsm(hook = "fs_context_parse_param")]
pub fn fs_context_parse_param(ctx: LsmContext) -> i32 {
    if !FsContext::new(ctx.arg(0)).has_log() {
        return 0;
    }
    mount()
}
