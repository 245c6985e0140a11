//! What is changed by a descriptor that may only be read from, or by none.

use std::{fs::File, io, os::fd::AsRawFd};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat},
    sys::{
        stat::{Mode, UtimensatFlags, futimens, utimensat},
        time::TimeSpec,
    },
};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] =
    &[("file-flags", flags), ("file-times", times)];

/// `FS_NODUMP_FL` of linux/fs.h, and the same for the newer call.
const FS_NODUMP_FL: libc::c_int = 0x40;
const FS_XFLAG_NODUMP: u32 = 0x80;
/// `FS_IOC_FSGETXATTR` and `FS_IOC_FSSETXATTR` of linux/fs.h.
const FS_IOC_FSGETXATTR: libc::Ioctl = 0x801c_581f;
const FS_IOC_FSSETXATTR: libc::Ioctl = 0x401c_5820;

/// `struct fsxattr` of linux/fs.h.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    flags: u32,
    extent: u32,
    extents: u32,
    project: u32,
    copy: u32,
    padding: [u8; 8],
}

/// `file-flags HOW PATH`: chattr(1) does that.
fn flags(report: &mut Report, arguments: &Arguments) -> Step {
    let file = report.step("open", File::open(arguments.text(1)?))?;
    let result = match arguments.text(0)? {
        "old" => old(&file),
        "new" => new(&file),
        other => return Err(Error::Failed(format!("probe: no flags by {other}")).into()),
    };
    report.step("ioctl", result)
}

fn old(file: &File) -> io::Result<()> {
    let mut flags: libc::c_int = 0;
    let fd = file.as_raw_fd();
    // SAFETY: the number is valid.
    sys::check(unsafe { libc::ioctl(fd, libc::FS_IOC_GETFLAGS, &raw mut flags) })?;
    flags |= FS_NODUMP_FL;
    // SAFETY: as above.
    sys::check(unsafe { libc::ioctl(fd, libc::FS_IOC_SETFLAGS, &raw const flags) }).map(drop)
}

fn new(file: &File) -> io::Result<()> {
    let (mut attributes, fd) = (Attributes::default(), file.as_raw_fd());
    // SAFETY: the structure is valid.
    sys::check(unsafe { libc::ioctl(fd, FS_IOC_FSGETXATTR, &raw mut attributes) })?;
    attributes.flags |= FS_XFLAG_NODUMP;
    // SAFETY: as above.
    sys::check(unsafe { libc::ioctl(fd, FS_IOC_FSSETXATTR, &raw const attributes) }).map(drop)
}

/// `file-times HOW PATH`.
fn times(report: &mut Report, arguments: &Arguments) -> Step {
    let (path, then) = (arguments.path(1)?, TimeSpec::new(1, 0));
    let follow = UtimensatFlags::FollowSymlink;
    let result = match arguments.text(0)? {
        "path" => utimensat(AT_FDCWD, &*path, &then, &then, follow),
        "descriptor" => {
            let file = openat(AT_FDCWD, &*path, OFlag::O_RDONLY, Mode::empty());
            let file = report.step("open", file.map_err(Into::into))?;
            futimens(file, &then, &then)
        }
        "now" => {
            let now = TimeSpec::UTIME_NOW;
            utimensat(AT_FDCWD, &*path, &now, &now, follow)
        }
        other => return Err(Error::Failed(format!("probe: no times by {other}")).into()),
    };
    report.step("utimens", result.map_err(Into::into))
}
