//! What is changed about a file: mode, owner, times, attributes. Each needs that the agent may write to its
//! path.
//!
//! A file system that lies on others changes theirs in the name of whoever mounted it, for what was decided
//! before: that is not asked for again.

use agentguard_common::event::Operation;
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::change::change;
use crate::kernel::{Attributes, Dentry, File, Task};

#[lsm(hook = "path_chmod")]
pub fn path_chmod(ctx: LsmContext) -> i32 {
    change(Dentry::of_path(ctx.arg(0)), Operation::Attributes)
}

#[lsm(hook = "path_chown")]
pub fn path_chown(ctx: LsmContext) -> i32 {
    change(Dentry::of_path(ctx.arg(0)), Operation::Attributes)
}

#[inline(always)]
fn attributes(at: Dentry) -> i32 {
    if Task::current().is_acting_for_others() {
        return 0;
    }
    change(at, Operation::Attributes)
}

#[lsm(hook = "inode_setxattr")]
pub fn inode_setxattr(ctx: LsmContext) -> i32 {
    attributes(Dentry::new(ctx.arg(1)))
}

#[lsm(hook = "inode_removexattr")]
pub fn inode_removexattr(ctx: LsmContext) -> i32 {
    attributes(Dentry::new(ctx.arg(1)))
}

/// Access control lists, which are extended attributes up to Linux 6.1.
#[lsm(hook = "inode_set_acl")]
pub fn inode_set_acl(ctx: LsmContext) -> i32 {
    attributes(Dentry::new(ctx.arg(1)))
}

/// As above.
#[lsm(hook = "inode_remove_acl")]
pub fn inode_remove_acl(ctx: LsmContext) -> i32 {
    attributes(Dentry::new(ctx.arg(1)))
}

#[inline(always)]
fn times(at: Dentry, to: Attributes) -> i32 {
    // The other changes have hooks of their own, which know more.
    if to.are_only_times() {
        attributes(at)
    } else {
        0
    }
}

/// Times (Linux 6.3).
#[lsm(hook = "inode_setattr")]
pub fn inode_setattr(ctx: LsmContext) -> i32 {
    times(Dentry::new(ctx.arg(1)), Attributes::new(ctx.arg(2)))
}

/// Times, up to Linux 6.2: the hook had one argument less.
#[lsm(hook = "inode_setattr")]
pub fn inode_setattr_6_2(ctx: LsmContext) -> i32 {
    times(Dentry::new(ctx.arg(0)), Attributes::new(ctx.arg(1)))
}

/// `FS_IOC_SETFLAGS` and `FS_IOC_FSSETXATTR`: what `chattr` does.
const SET_FLAGS: u32 = 0x4008_6602;
const SET_FLAGS_32: u32 = 0x4004_6602;
const SET_ATTRIBUTES: u32 = 0x401c_5820;

#[inline(always)]
fn ioctl(ctx: &LsmContext) -> i32 {
    let command: u32 = ctx.arg(1);
    if matches!(command, SET_FLAGS | SET_FLAGS_32 | SET_ATTRIBUTES) {
        change(File::new(ctx.arg(0)).dentry(), Operation::Attributes)
    } else {
        0
    }
}

/// On `file_ioctl`, beside the program on terminals.
#[lsm(hook = "file_ioctl")]
pub fn chattr(ctx: LsmContext) -> i32 {
    ioctl(&ctx)
}

/// Of programs of 32 bits (Linux 6.8: before, the hook is the same).
#[lsm(hook = "file_ioctl_compat")]
pub fn chattr_compat(ctx: LsmContext) -> i32 {
    ioctl(&ctx)
}
