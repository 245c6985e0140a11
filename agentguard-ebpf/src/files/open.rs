//! `open(2)` and what does the same: a file or directory is opened, or opened to be executed.

use agentguard_common::{event::Operation, path::Access};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{
    REFUSED,
    check::{self, Request},
    control_group,
};
use crate::{
    identity::{self, Owner},
    kernel::File,
};

/// `FMODE_READ` and `FMODE_WRITE` of `include/linux/fs.h`.
const MODE_READ: u32 = 1;
const MODE_WRITE: u32 = 2;
/// `__FMODE_EXEC`.
const FLAG_EXEC: u32 = 0x20;
/// `O_ACCMODE`: all of it means a descriptor for `ioctl(2)` only, for which the kernel asks for both rights.
const FLAG_NEITHER: u32 = 3;
/// `O_TRUNC`.
const FLAG_TRUNCATE: u32 = 0o1000;

#[lsm(hook = "file_open")]
pub fn file_open(ctx: LsmContext) -> i32 {
    let file = File::new(ctx.arg(0));
    let flags = file.flags();
    let is_exec = flags & FLAG_EXEC != 0;
    let owner = if is_exec {
        identity::executes(file)
    } else {
        identity::task()
    };
    let Some(owner) = owner else {
        return 0;
    };
    if file.is_backing() {
        return 0;
    }
    let mut wanted = held(file);
    if is_exec {
        wanted = wanted & !Access::Read.bit() | Access::Exec.bit();
    }
    if flags & FLAG_TRUNCATE != 0 {
        wanted |= Access::Write.bit();
    }
    if flags & FLAG_NEITHER == FLAG_NEITHER {
        wanted |= Access::Read.bit() | Access::Write.bit();
    }
    let operation = if is_exec {
        Operation::Exec
    } else {
        Operation::Open
    };
    if is_permitted(owner, file, wanted, operation) {
        0
    } else {
        REFUSED
    }
}

/// The accesses that a file is open for.
#[inline(always)]
pub fn held(file: File) -> u8 {
    let mode = file.mode();
    let mut held = 0;
    if mode & MODE_READ != 0 {
        held |= Access::Read.bit();
    }
    if mode & MODE_WRITE != 0 {
        held |= Access::Write.bit();
    }
    held
}

/// Whether an agent may have a file open for some accesses. What is refused or observed is recorded.
#[inline(always)]
pub fn is_permitted(owner: Owner, file: File, wanted: u8, operation: Operation) -> bool {
    let at = file.dentry();
    if wanted & Access::Write.bit() != 0
        && let Some(may) = control_group::may_change(&owner, at)
    {
        return may;
    }
    wanted == 0 || check::is_permitted(&Request::new(owner, at, wanted, operation))
}
