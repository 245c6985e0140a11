//! Changing what is said about a file. `WAY` is `path`, `descriptor` (which may read, and needs no more),
//! `reference` (`O_PATH`) or `process` (procfs's link to the latter).

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    fcntl::{AT_FDCWD, AtFlags, OFlag, openat},
    sys::{
        stat::{FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, utimensat},
        time::TimeSpec,
    },
    unistd::{Gid, Uid, chroot, fchown, fchownat},
};

use super::{
    super::{Report, Step, Technique, arguments::Arguments},
    names::answer,
};
use crate::{
    error::{Error, Outcome},
    sys,
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("chmod", chmod),
    ("chown", chown),
    ("utimes", utimes),
    ("setxattr", set_attribute),
    ("removexattr", remove_attribute),
    ("acl", access_list),
    ("chattr", change_flags),
    ("chroot", change_root),
];

/// Root may set it on every file system that has any.
const ATTRIBUTE: &CStr = c"trusted.agentguard";
const WHO: (u32, u32) = (12, 34);

/// How a file is named.
enum Named {
    Path(CString),
    Descriptor(OwnedFd),
    Reference(OwnedFd),
}

/// From the first two arguments: `WAY PATH`.
fn named(arguments: &Arguments) -> Outcome<Named> {
    let path = arguments.path(1)?;
    let open = |flags| openat(AT_FDCWD, &*path, flags, Mode::empty());
    Ok(match arguments.text(0)? {
        "path" => Named::Path(path),
        "descriptor" => Named::Descriptor(open(OFlag::O_RDONLY)?),
        "reference" => Named::Reference(open(OFlag::O_PATH)?),
        "process" => {
            // It stays open until this process ends.
            let file = Box::leak(Box::new(open(OFlag::O_PATH)?));
            let link = format!("/proc/self/fd/{}", file.as_raw_fd());
            Named::Path(CString::new(link).map_err(io::Error::other)?)
        }
        other => return Err(Error::Failed(format!("probe: no way {other}"))),
    })
}

fn chmod(report: &mut Report, arguments: &Arguments) -> Step {
    let mode = Mode::from_bits_truncate(0o4711);
    let result = match named(arguments)? {
        Named::Path(path) => answer(fchmodat(
            AT_FDCWD,
            &*path,
            mode,
            FchmodatFlags::FollowSymlink,
        )),
        Named::Descriptor(file) => answer(fchmod(file, mode)),
        Named::Reference(file) => fchmodat2(&file, mode),
    };
    report.step("chmod", result)
}

/// fchmodat2(2), from Linux 6.6 on.
fn fchmodat2(file: &OwnedFd, mode: Mode) -> io::Result<()> {
    // SAFETY: the empty path ends with a zero byte.
    let result = unsafe {
        libc::syscall(
            libc::SYS_fchmodat2,
            file.as_raw_fd(),
            c"".as_ptr(),
            mode.bits(),
            libc::AT_EMPTY_PATH,
        )
    };
    sys::check(i32::try_from(result).map_err(io::Error::other)?).map(drop)
}

fn chown(report: &mut Report, arguments: &Arguments) -> Step {
    let (user, group) = (Some(Uid::from_raw(WHO.0)), Some(Gid::from_raw(WHO.1)));
    let result = match named(arguments)? {
        Named::Path(path) => fchownat(AT_FDCWD, &*path, user, group, AtFlags::empty()),
        Named::Descriptor(file) => fchown(file, user, group),
        Named::Reference(file) => fchownat(file, c"", user, group, AtFlags::AT_EMPTY_PATH),
    };
    report.step("chown", answer(result))
}

fn utimes(report: &mut Report, arguments: &Arguments) -> Step {
    let time = TimeSpec::new(1, 0);
    let result = match named(arguments)? {
        Named::Path(path) => utimensat(
            AT_FDCWD,
            &*path,
            &time,
            &time,
            UtimensatFlags::FollowSymlink,
        ),
        Named::Descriptor(file) | Named::Reference(file) => futimens(file, &time, &time),
    };
    report.step("utimes", answer(result))
}

fn set_attribute(report: &mut Report, arguments: &Arguments) -> Step {
    let result = match named(arguments)? {
        Named::Path(path) => sys::set_extended_attribute(&path, ATTRIBUTE, b"changed"),
        Named::Descriptor(file) | Named::Reference(file) => set_of(&file, ATTRIBUTE, b"changed"),
    };
    report.step("setxattr", result)
}

fn set_of(file: &OwnedFd, name: &CStr, value: &[u8]) -> io::Result<()> {
    // SAFETY: the name ends with a zero byte, and the value is valid for its length.
    sys::check(unsafe {
        let (value, len) = (value.as_ptr().cast(), value.len());
        libc::fsetxattr(file.as_fd().as_raw_fd(), name.as_ptr(), value, len, 0)
    })
    .map(drop)
}

/// One that the harness has set.
fn remove_attribute(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    let result = sys::remove_extended_attribute(&path, ATTRIBUTE);
    report.step("removexattr", result)
}

/// A list that lets everybody write: another way into the kernel than other extended attributes have.
fn access_list(report: &mut Report, arguments: &Arguments) -> Step {
    // linux/posix_acl_xattr.h: version 2, then tag, permissions and id of each entry.
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions) in [(0x01_u16, 6_u16), (0x04, 6), (0x10, 6), (0x20, 6)] {
        value.extend(tag.to_le_bytes());
        value.extend(permissions.to_le_bytes());
        value.extend(u32::MAX.to_le_bytes());
    }
    let name = c"system.posix_acl_access";
    let result = match named(arguments)? {
        Named::Path(path) => sys::set_extended_attribute(&path, name, &value),
        Named::Descriptor(file) | Named::Reference(file) => set_of(&file, name, &value),
    };
    report.step("setxattr", result)
}

/// `FS_IOC_SETFLAGS` of linux/fs.h: the file can no more be dumped.
fn change_flags(report: &mut Report, arguments: &Arguments) -> Step {
    const SETFLAGS: libc::Ioctl = 0x4008_6602;
    let file = openat(
        AT_FDCWD,
        &*arguments.path(0)?,
        OFlag::O_RDONLY,
        Mode::empty(),
    )?;
    let no_dump: libc::c_int = 0x40;
    // SAFETY: the kernel reads one int.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), SETFLAGS, &raw const no_dump) };
    report.step("ioctl", sys::check(result)).map(drop)
}

/// `chroot DIRECTORY PATH`: another root, and then the path beneath it.
fn change_root(report: &mut Report, arguments: &Arguments) -> Step {
    report.step("chroot", answer(chroot(&*arguments.path(0)?)))?;
    let purpose = super::opens::Purpose::named("read")?;
    let file = report.step("open", sys::open(&arguments.path(1)?, purpose.bits()))?;
    purpose.carry_out(report, &file)
}
