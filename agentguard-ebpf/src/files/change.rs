//! Names that are made and removed, and contents that are cut without opening a file.
//!
//! Each needs that the agent may write to the object's path, also where there is no object yet.

use agentguard_common::{event::Operation, path::Access, verdict::Reason};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{
    REFUSED,
    check::{Request, is_permitted, report},
    look::without_rule,
};
use crate::{
    identity,
    kernel::{Dentry, File},
    network::scope::word,
};

/// `S_IFMT`, `S_IFCHR` and `S_IFBLK`.
const TYPE: u32 = 0o170_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const BLOCK_DEVICE: u32 = 0o060_000;

/// The answer to a change of what is at `at`.
#[inline(always)]
pub fn change(at: Dentry, operation: Operation) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let request = Request::new(owner, at, Access::Write.bit(), operation);
    if is_permitted(&request) { 0 } else { REFUSED }
}

/// The answer to what no rule can allow to an agent whose files are confined.
#[inline(always)]
fn never(at: Dentry, operation: Operation) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let word = word(owner.tag.agent);
    if !word.confines_files() {
        return 0;
    }
    let request = Request::new(owner, at, Access::Write.bit(), operation);
    let access = (Access::Write as u32) << 16;
    if report(&request, word, without_rule(Reason::Never) as u32 | access) {
        0
    } else {
        REFUSED
    }
}

#[lsm(hook = "path_mknod")]
pub fn path_mknod(ctx: LsmContext) -> i32 {
    let mode: u32 = ctx.arg(2);
    let device: u32 = ctx.arg(3);
    let kind = mode & TYPE;
    // Through a node of its own an agent would reach the device past every path. Number 0 is no device:
    // overlays mark with it what is removed.
    if (kind == CHARACTER_DEVICE || kind == BLOCK_DEVICE) && device != 0 {
        return never(Dentry::new(ctx.arg(1)), Operation::Create);
    }
    change(Dentry::new(ctx.arg(1)), Operation::Create)
}

#[lsm(hook = "path_mkdir")]
pub fn path_mkdir(ctx: LsmContext) -> i32 {
    change(Dentry::new(ctx.arg(1)), Operation::Create)
}

#[lsm(hook = "path_symlink")]
pub fn path_symlink(ctx: LsmContext) -> i32 {
    change(Dentry::new(ctx.arg(1)), Operation::Create)
}

#[lsm(hook = "path_unlink")]
pub fn path_unlink(ctx: LsmContext) -> i32 {
    change(Dentry::new(ctx.arg(1)), Operation::Remove)
}

#[lsm(hook = "path_rmdir")]
pub fn path_rmdir(ctx: LsmContext) -> i32 {
    change(Dentry::new(ctx.arg(1)), Operation::Remove)
}

#[lsm(hook = "path_truncate")]
pub fn path_truncate(ctx: LsmContext) -> i32 {
    change(Dentry::of_path(ctx.arg(0)), Operation::Truncate)
}

/// `ftruncate(2)` (Linux 6.2): a descriptor can be older than the scope. Up to then it is
/// `path_truncate` too.
#[lsm(hook = "file_truncate")]
pub fn file_truncate(ctx: LsmContext) -> i32 {
    change(File::new(ctx.arg(0)).dentry(), Operation::Truncate)
}

/// `chroot(2)`: what is not to be read is no root.
#[lsm(hook = "path_chroot")]
pub fn path_chroot(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let at = Dentry::of_path(ctx.arg(0));
    let request = Request::new(owner, at, Access::Read.bit(), Operation::Chroot);
    if is_permitted(&request) { 0 } else { REFUSED }
}
