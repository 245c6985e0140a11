//! An inode is let go: what was known of it must not be taken for what lies there next.
//!
//! This runs for every inode of the host, and costs it three look-ups.

use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{beneath, directories, permitted};
use crate::kernel::Inode;

#[lsm(hook = "inode_free_security")]
pub fn inode_free_security(ctx: LsmContext) -> i32 {
    let inode = Inode::new(ctx.arg(0));
    permitted::forget(inode);
    directories::forget(inode);
    beneath::forget(inode);
    0
}
