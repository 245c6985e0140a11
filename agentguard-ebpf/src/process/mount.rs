//! Mounts are changed.
//!
//! Who is in a user namespace that was made has rights over mounts of its own only: the kernel gives none over
//! those of the namespaces above (`ns_capable` in `fs/namespace.c`).

use agentguard_common::{
    event::Operation,
    process::Mounts,
    verdict::{Action, Verdict},
};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{answer, limits};
use crate::{
    identity,
    kernel::{FsContext, Task},
    network::scope::word,
};

#[inline(always)]
fn mount() -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let place = place();
    answer(&owner, Operation::Mount, (0, 0), |limits| {
        limits.mount(place)
    })
}

#[inline(always)]
fn place() -> Mounts {
    if Task::current().is_in_initial_user_namespace() {
        Mounts::Host
    } else {
        Mounts::Apart
    }
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

/// A file system is made without a word about it (`FSCONFIG_CMD_CREATE`), or given other flags
/// (`FSCONFIG_CMD_RECONFIGURE`). What leads here otherwise has been asked for, so nothing is observed.
#[inline(always)]
fn superblock() -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let verdict =
        limits(word(owner.tag.agent)).map_or(Verdict::ERROR, |limits| limits.mount(place()));
    if matches!(verdict.action, Action::Refuse) {
        mount()
    } else {
        0
    }
}

#[lsm(hook = "sb_kern_mount")]
pub fn sb_kern_mount(_: LsmContext) -> i32 {
    superblock()
}

#[lsm(hook = "sb_remount")]
pub fn sb_remount(_: LsmContext) -> i32 {
    superblock()
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
