//! Making, removing and moving names.

use std::{
    ffi::CStr,
    io,
    os::{fd::AsRawFd, unix::net::UnixListener},
    path::Path,
};

use nix::{
    fcntl::{AT_FDCWD, AtFlags, OFlag, RenameFlags, openat, renameat, renameat2},
    sys::stat::{Mode, SFlag, makedev, mkdirat, mknod},
    unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat},
};

use super::{
    super::{Report, Step, Technique, arguments::Arguments},
    opens::split,
};
use crate::{
    error::{Error, Outcome},
    sys,
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("unlink", unlink),
    ("unlinkat", unlink_at),
    ("rmdir", rmdir),
    ("mkdir", mkdir),
    ("mkdirat", mkdir_at),
    ("mknod", make_node),
    ("socket-file", socket_file),
    ("symlink", symlink),
    ("link", link),
    ("link-descriptor", link_descriptor),
    ("link-process", link_process),
    ("move", rename),
    ("move-at", rename_at),
    ("move-with", rename_with),
];

/// The result of a call of nix.
pub(super) fn answer<T>(result: nix::Result<T>) -> io::Result<T> {
    result.map_err(io::Error::from)
}

fn unlink(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    // SAFETY: the path ends with a zero byte.
    let result = sys::check(unsafe { libc::unlink(path.as_ptr()) });
    report.step("unlink", result).map(drop)
}

/// Beneath a descriptor of its directory.
fn unlink_at(report: &mut Report, arguments: &Arguments) -> Step {
    let (directory, name) = split(&arguments.path(0)?)?;
    let directory = openat(AT_FDCWD, &*directory, OFlag::O_PATH, Mode::empty())?;
    let result = unlinkat(directory, &*name, UnlinkatFlags::NoRemoveDir);
    report.step("unlink", answer(result))
}

fn rmdir(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    // SAFETY: the path ends with a zero byte.
    let result = sys::check(unsafe { libc::rmdir(path.as_ptr()) });
    report.step("rmdir", result).map(drop)
}

fn mkdir(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    // SAFETY: the path ends with a zero byte.
    let result = sys::check(unsafe { libc::mkdir(path.as_ptr(), 0o755) });
    report.step("mkdir", result).map(drop)
}

fn mkdir_at(report: &mut Report, arguments: &Arguments) -> Step {
    let (directory, name) = split(&arguments.path(0)?)?;
    let directory = openat(AT_FDCWD, &*directory, OFlag::O_PATH, Mode::empty())?;
    let result = mkdirat(directory, &*name, Mode::from_bits_truncate(0o755));
    report.step("mkdir", answer(result))
}

/// `mknod KIND PATH`.
fn make_node(report: &mut Report, arguments: &Arguments) -> Step {
    let (kind, device) = match arguments.text(0)? {
        "file" => (SFlag::S_IFREG, 0),
        "fifo" => (SFlag::S_IFIFO, 0),
        "socket" => (SFlag::S_IFSOCK, 0),
        // /dev/mem, and the first RAM disk.
        "character" => (SFlag::S_IFCHR, makedev(1, 1)),
        "block" => (SFlag::S_IFBLK, makedev(1, 0)),
        other => return Err(Error::Failed(format!("probe: no node {other}")).into()),
    };
    let path = arguments.path(1)?;
    let result = mknod(&*path, kind, Mode::from_bits_truncate(0o600), device);
    report.step("mknod", answer(result))
}

/// A socket that is bound there.
fn socket_file(report: &mut Report, arguments: &Arguments) -> Step {
    let result = UnixListener::bind(arguments.text(0)?);
    report.step("bind", result).map(drop)
}

/// `symlink TARGET PATH`.
fn symlink(report: &mut Report, arguments: &Arguments) -> Step {
    let result = symlinkat(&*arguments.path(0)?, AT_FDCWD, &*arguments.path(1)?);
    report.step("symlink", answer(result))
}

/// `link OLD NEW`.
fn link(report: &mut Report, arguments: &Arguments) -> Step {
    let (old, new) = (arguments.path(0)?, arguments.path(1)?);
    // SAFETY: both paths end with a zero byte.
    let result = sys::check(unsafe { libc::link(old.as_ptr(), new.as_ptr()) });
    report.step("link", result).map(drop)
}

/// The old name is a descriptor.
fn link_descriptor(report: &mut Report, arguments: &Arguments) -> Step {
    let file = openat(AT_FDCWD, &*arguments.path(0)?, OFlag::O_PATH, Mode::empty())?;
    let result = linkat(
        file,
        c"",
        AT_FDCWD,
        &*arguments.path(1)?,
        AtFlags::AT_EMPTY_PATH,
    );
    report.step("link", answer(result))
}

/// The old name is procfs's link to a descriptor.
fn link_process(report: &mut Report, arguments: &Arguments) -> Step {
    let file = openat(AT_FDCWD, &*arguments.path(0)?, OFlag::O_PATH, Mode::empty())?;
    let old = format!("/proc/self/fd/{}", file.as_raw_fd());
    let (new, follow) = (arguments.path(1)?, AtFlags::AT_SYMLINK_FOLLOW);
    let result = linkat(AT_FDCWD, &*old, AT_FDCWD, &*new, follow);
    report.step("link", answer(result))
}

/// `move OLD NEW`.
fn rename(report: &mut Report, arguments: &Arguments) -> Step {
    let (old, new) = (arguments.path(0)?, arguments.path(1)?);
    // SAFETY: both paths end with a zero byte.
    let result = sys::check(unsafe { libc::rename(old.as_ptr(), new.as_ptr()) });
    report.step("rename", result).map(drop)
}

/// Beneath descriptors of both directories.
fn rename_at(report: &mut Report, arguments: &Arguments) -> Step {
    let ends = |path: &CStr| -> Outcome<_> {
        let (directory, name) = split(path)?;
        let directory = openat(AT_FDCWD, &*directory, OFlag::O_PATH, Mode::empty())?;
        Ok((directory, name))
    };
    let (old, new) = (ends(&arguments.path(0)?)?, ends(&arguments.path(1)?)?);
    report.step("rename", answer(renameat(old.0, &*old.1, new.0, &*new.1)))
}

/// `move-with HOW OLD NEW`.
fn rename_with(report: &mut Report, arguments: &Arguments) -> Step {
    let flags = match arguments.text(0)? {
        "exchange" => RenameFlags::RENAME_EXCHANGE,
        "whiteout" => RenameFlags::RENAME_WHITEOUT,
        "noreplace" => RenameFlags::RENAME_NOREPLACE,
        other => return Err(Error::Failed(format!("probe: no rename {other}")).into()),
    };
    let (old, new) = (arguments.text(1)?, arguments.text(2)?);
    let result = renameat2(AT_FDCWD, Path::new(old), AT_FDCWD, Path::new(new), flags);
    report.step("rename", answer(result))
}
