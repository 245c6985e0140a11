//! Code of a file that is mapped to be executed: as libraries are, and programs that are given to the
//! dynamic loader.

use agentguard_common::{event::Operation, path::Access};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{
    REFUSED,
    check::{Request, is_permitted},
};
use crate::{identity, kernel::File};

/// `PROT_EXEC`.
const EXECUTABLE: u64 = 4;

#[inline(always)]
fn map(file: File, protection: u64) -> i32 {
    if protection & EXECUTABLE == 0 || file.is_null() {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    let request = Request::new(owner, file.dentry(), Access::Exec.bit(), Operation::Map);
    if is_permitted(&request) { 0 } else { REFUSED }
}

#[lsm(hook = "mmap_file")]
pub fn mmap_file(ctx: LsmContext) -> i32 {
    map(File::new(ctx.arg(0)), ctx.arg(2))
}

#[lsm(hook = "file_mprotect")]
pub fn file_mprotect(ctx: LsmContext) -> i32 {
    map(File::of_mapping(ctx.arg(0)), ctx.arg(2))
}
