//! `open(2)` and what does the same: a file or directory is opened, or opened to be executed.

use agentguard_common::{event::Operation, path::Access};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{
    REFUSED,
    check::{Request, is_permitted},
};
use crate::{identity, kernel::File};

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
    let Some(owner) = identity::current() else {
        return 0;
    };
    let file = File::new(ctx.arg(0));
    let (mode, flags) = (file.mode(), file.flags());
    if file.is_backing() {
        return 0;
    }
    let mut wanted = 0;
    if flags & FLAG_EXEC != 0 {
        wanted |= Access::Exec.bit();
    } else if mode & MODE_READ != 0 {
        wanted |= Access::Read.bit();
    }
    if mode & MODE_WRITE != 0 || flags & FLAG_TRUNCATE != 0 {
        wanted |= Access::Write.bit();
    }
    if flags & FLAG_NEITHER == FLAG_NEITHER {
        wanted |= Access::Read.bit() | Access::Write.bit();
    }
    let operation = if flags & FLAG_EXEC != 0 {
        Operation::Exec
    } else {
        Operation::Open
    };
    let request = Request::new(owner, file.dentry(), wanted, operation);
    if is_permitted(&request) { 0 } else { REFUSED }
}
