//! The same through `io_uring`. The first argument says how the ring executes: `inline`, `worker` or `polled`.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

use io_uring::{
    opcode,
    types::{Fd, OpenHow},
};

use super::{
    super::{Report, Step, Technique, arguments::Arguments, uring::Ring},
    opens::Purpose,
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("uring-open", open),
    ("uring-open2", open_how),
    ("uring-unlink", unlink),
    ("uring-mkdir", mkdir),
    ("uring-symlink", symlink),
    ("uring-link", link),
    ("uring-rename", rename),
    ("uring-setxattr", set_attribute),
];

const HERE: Fd = Fd(libc::AT_FDCWD);

/// `uring-open MODE PURPOSE PATH`.
fn open(report: &mut Report, arguments: &Arguments) -> Step {
    let (mut ring, purpose) = begin(report, arguments)?;
    let path = arguments.path(2)?;
    let entry = opcode::OpenAt::new(HERE, path.as_ptr()).flags(purpose.bits());
    let opened = ring.execute(entry.mode(0o644).build());
    finish(report, purpose, opened)
}

fn open_how(report: &mut Report, arguments: &Arguments) -> Step {
    let (mut ring, purpose) = begin(report, arguments)?;
    let path = arguments.path(2)?;
    let how = OpenHow::new().flags(u64::from(purpose.bits().cast_unsigned()));
    let entry = opcode::OpenAt2::new(HERE, path.as_ptr(), &raw const how);
    let opened = ring.execute(entry.build());
    finish(report, purpose, opened)
}

fn begin(report: &mut Report, arguments: &Arguments) -> Step<(Ring, Purpose)> {
    let purpose = Purpose::named(arguments.text(1)?)?;
    Ok((Ring::new(report, arguments)?, purpose))
}

fn finish(report: &mut Report, purpose: Purpose, opened: io::Result<i32>) -> Step {
    let fd = report.step("open", opened)?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    purpose.carry_out(report, &unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `uring-unlink MODE PATH`.
fn unlink(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let path = arguments.path(1)?;
    let entry = opcode::UnlinkAt::new(HERE, path.as_ptr());
    report.step("unlink", ring.execute(entry.build())).map(drop)
}

/// `uring-mkdir MODE PATH`.
fn mkdir(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let path = arguments.path(1)?;
    let entry = opcode::MkDirAt::new(HERE, path.as_ptr()).mode(0o755);
    report.step("mkdir", ring.execute(entry.build())).map(drop)
}

/// `uring-symlink MODE TARGET PATH`.
fn symlink(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let (target, path) = (arguments.path(1)?, arguments.path(2)?);
    let entry = opcode::SymlinkAt::new(HERE, target.as_ptr(), path.as_ptr());
    report
        .step("symlink", ring.execute(entry.build()))
        .map(drop)
}

/// `uring-link MODE OLD NEW`.
fn link(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let (old, new) = (arguments.path(1)?, arguments.path(2)?);
    let entry = opcode::LinkAt::new(HERE, old.as_ptr(), HERE, new.as_ptr());
    report.step("link", ring.execute(entry.build())).map(drop)
}

/// `uring-rename MODE OLD NEW`.
fn rename(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let (old, new) = (arguments.path(1)?, arguments.path(2)?);
    let entry = opcode::RenameAt::new(HERE, old.as_ptr(), HERE, new.as_ptr());
    report.step("rename", ring.execute(entry.build())).map(drop)
}

/// `uring-setxattr MODE PATH`.
fn set_attribute(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let (path, name, value) = (arguments.path(1)?, c"trusted.agentguard", b"changed");
    let len = u32::try_from(value.len()).map_err(io::Error::other)?;
    let entry = opcode::SetXattr::new(name.as_ptr(), value.as_ptr().cast(), path.as_ptr(), len);
    report
        .step("setxattr", ring.execute(entry.build()))
        .map(drop)
}
