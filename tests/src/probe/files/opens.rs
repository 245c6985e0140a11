//! Opening files, in every way that there is: `open WAY MODE PATH`.

use std::{
    ffi::{CStr, CString, OsStr},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use nix::{
    dir::Dir,
    fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, openat, openat2},
    sys::stat::Mode,
    unistd::{chdir, linkat, read, write},
};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{
    error::{Error, Outcome},
    sys,
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[("open", open), ("tmpfile", nameless)];

/// What a file is opened for, and what is then done.
#[derive(Clone, Copy)]
pub(in super::super) struct Purpose {
    flags: OFlag,
    reads: bool,
    writes: bool,
}

impl Purpose {
    /// By its name in the cases.
    pub(in super::super) fn named(name: &str) -> Outcome<Self> {
        let truncate = OFlag::O_TRUNC;
        let (flags, reads, writes) = match name {
            "read" => (OFlag::O_RDONLY, true, false),
            "list" => (OFlag::O_RDONLY | OFlag::O_DIRECTORY, true, false),
            "write" => (OFlag::O_WRONLY, false, true),
            "append" => (OFlag::O_WRONLY | OFlag::O_APPEND, false, true),
            "both" => (OFlag::O_RDWR, true, true),
            "truncate" => (OFlag::O_WRONLY | truncate, false, false),
            // For ioctl(2) only; the kernel asks for the rights to read and to write.
            "neither" => (OFlag::O_ACCMODE, false, false),
            // The kernel truncates for these, too: they need no descriptor to write to.
            "read-truncate" => (OFlag::O_RDONLY | truncate, false, false),
            "neither-truncate" => (OFlag::O_ACCMODE | truncate, false, false),
            "create" => (
                OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL,
                false,
                false,
            ),
            "create-read" => (
                OFlag::O_RDONLY | OFlag::O_CREAT | OFlag::O_EXCL,
                false,
                false,
            ),
            other => return Err(Error::Failed(format!("probe: no purpose {other}"))),
        };
        Ok(Self {
            flags,
            reads,
            writes,
        })
    }

    /// As open(2) wants them.
    pub(in super::super) fn bits(self) -> i32 {
        self.flags.bits()
    }

    /// Does it with a descriptor.
    pub(in super::super) fn carry_out(self, report: &mut Report, file: &OwnedFd) -> Step {
        if self.flags == OFlag::O_ACCMODE {
            report.fact("content", "a descriptor");
        }
        if self.writes {
            let written = write(file, b"changed").map_err(io::Error::from);
            report.step("write", written)?;
        }
        if self.reads && self.flags.contains(OFlag::O_DIRECTORY) {
            report.fact("content", names(file)?);
        } else if self.reads {
            let mut content = [0; 64];
            let len = report.step("read", read(file, &mut content).map_err(io::Error::from))?;
            report.fact("content", String::from_utf8_lossy(&content[..len]));
        }
        Ok(())
    }
}

/// The names in a directory.
fn names(directory: &OwnedFd) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(directory.try_clone()?)?.iter() {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

fn open(report: &mut Report, arguments: &Arguments) -> Step {
    let (way, purpose) = (arguments.text(0)?, Purpose::named(arguments.text(1)?)?);
    let path = arguments.path(2)?;
    let opened = open_by(way, purpose.flags, &path)?;
    let file = report.step("open", opened)?;
    purpose.carry_out(report, &file)
}

/// A file without a name, which is then given one: `tmpfile DIRECTORY`.
fn nameless(report: &mut Report, arguments: &Arguments) -> Step {
    let directory = arguments.text(0)?;
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY;
    let file = openat(AT_FDCWD, directory, flags, Mode::from_bits_truncate(0o644));
    let file = report.step("open", file.map_err(io::Error::from))?;
    let (old, new) = (
        format!("/proc/self/fd/{}", file.as_raw_fd()),
        format!("{directory}/new"),
    );
    let linked = linkat(AT_FDCWD, &*old, AT_FDCWD, &*new, AtFlags::AT_SYMLINK_FOLLOW);
    report.step("link", linked.map_err(io::Error::from))
}

/// The inner result is that of the call that counts.
fn open_by(way: &str, flags: OFlag, path: &CStr) -> Outcome<io::Result<OwnedFd>> {
    let mode = Mode::from_bits_truncate(0o644);
    let (directory, name) = split(path)?;
    let opened = match way {
        "open" => return Ok(sys::open(path, flags.bits())),
        "creat" => return Ok(creat(path)),
        "handle" => {
            // Which file system it is of, the working directory says.
            chdir(&*directory)?;
            return Ok(by_handle(path, flags));
        }
        "openat" => openat(AT_FDCWD, path, flags, mode),
        "openat2" => openat2(
            AT_FDCWD,
            path,
            OpenHow::new().flags(flags).mode(creating(flags)),
        ),
        "relative" => {
            chdir(&*directory)?;
            openat(AT_FDCWD, &*name, flags, mode)
        }
        "descriptor" => {
            // Not opened for reading: that would be a question of its own.
            let directory = openat(AT_FDCWD, &*directory, OFlag::O_PATH, mode)?;
            openat(directory, &*name, flags, mode)
        }
        "dots" => {
            let detour = [
                directory.to_bytes(),
                b"/.//../",
                last(&directory),
                b"/./",
                name.to_bytes(),
            ];
            let detour = CString::new(detour.concat()).map_err(io::Error::other)?;
            openat(AT_FDCWD, &*detour, flags, mode)
        }
        "reopen" => {
            let file = openat(AT_FDCWD, path, OFlag::O_PATH, mode)?;
            let again = format!("/proc/self/fd/{}", file.as_raw_fd());
            openat(AT_FDCWD, &*again, flags, mode)
        }
        "root" => openat(
            AT_FDCWD,
            &*with_prefix("/proc/self/root", path)?,
            flags,
            mode,
        ),
        "cwd" => {
            chdir(&*directory)?;
            let name = with_prefix("/proc/self/cwd/", &name)?;
            openat(AT_FDCWD, &*name, flags, mode)
        }
        other => return Err(Error::Failed(format!("probe: no way {other} to open"))),
    };
    Ok(opened.map_err(io::Error::from))
}

/// openat2(2) takes a mode only where it means something.
fn creating(flags: OFlag) -> Mode {
    if flags.contains(OFlag::O_CREAT) {
        Mode::from_bits_truncate(0o644)
    } else {
        Mode::empty()
    }
}

fn creat(path: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the path ends with a zero byte.
    let fd = sys::check(unsafe { libc::creat(path.as_ptr(), 0o644) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A `struct file_handle` with room for every file system's.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    value: [u8; 128],
}

/// By the number that the file system gives it, without a path.
fn by_handle(path: &CStr, flags: OFlag) -> io::Result<OwnedFd> {
    let mut handle = Handle {
        bytes: 128,
        kind: 0,
        value: [0; 128],
    };
    let mut mount = 0;
    // SAFETY: the path ends with a zero byte; the handle has the room that it says.
    let named = unsafe {
        let handle = (&raw mut handle).cast();
        libc::name_to_handle_at(libc::AT_FDCWD, path.as_ptr(), handle, &raw mut mount, 0)
    };
    sys::check(named)?;
    // SAFETY: the handle is the one that the kernel has filled in.
    let fd =
        unsafe { libc::open_by_handle_at(libc::AT_FDCWD, (&raw mut handle).cast(), flags.bits()) };
    let fd = sys::check(fd)?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Directory and name.
pub(in super::super) fn split(path: &CStr) -> Outcome<(CString, CString)> {
    let whole = Path::new(OsStr::from_bytes(path.to_bytes()));
    match (whole.parent(), whole.file_name()) {
        (Some(directory), Some(name)) => {
            let text = |part: &OsStr| CString::new(part.as_bytes()).map_err(io::Error::other);
            Ok((text(directory.as_os_str())?, text(name)?))
        }
        _ => Ok((path.to_owned(), c".".to_owned())),
    }
}

fn last(directory: &CStr) -> &[u8] {
    directory
        .to_bytes()
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default()
}

fn with_prefix(prefix: &str, path: &CStr) -> io::Result<CString> {
    CString::new([prefix.as_bytes(), path.to_bytes()].concat()).map_err(io::Error::other)
}
