//! Mounts of the host's users, in a mount namespace of its own: `mount-host WHAT DIRECTORY OTHER`.

use std::{
    ffi::CStr,
    fs, io,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    unistd::{chdir, pivot_root},
};

use super::super::{
    Report, Step, Technique,
    arguments::Arguments,
    files::mounts::{attach, clone_tree, detached},
};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] =
    &[("mount-host", mount_host), ("mount-nfs", mount_nfs)];

const NONE: Option<&str> = None;
/// Of linux/mount.h.
const FSPICK_NO_AUTOMOUNT: i64 = 4;
const FSCONFIG_SET_FLAG: i64 = 0;
const FSCONFIG_SET_STRING: i64 = 1;
const FSCONFIG_CMD_CREATE: i64 = 6;
const FSCONFIG_CMD_RECONFIGURE: i64 = 7;
const MOUNT_ATTR_NOEXEC: u64 = 8;

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    namespace: u64,
}

/// A mount namespace of its own, of which nothing shows elsewhere.
fn leave(report: &mut Report) -> Step {
    let left = unshare(CloneFlags::CLONE_NEWNS).map_err(io::Error::from);
    report.step("unshare", left)?;
    // Where it is so already there is nothing to be asked.
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    if !mounts.contains(" shared:") {
        return Ok(());
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let mounted = mount(NONE, "/", NONE, private, NONE).map_err(io::Error::from);
    report.step("private", mounted)
}

fn mount_host(report: &mut Report, arguments: &Arguments) -> Step {
    let (what, at, other) = (arguments.text(0)?, arguments.path(1)?, arguments.path(2)?);
    leave(report)?;
    let before = table()?;
    match what {
        "tmpfs" => note(report, "mount", tmpfs(&at))?,
        "bind" => note(report, "mount", bind(&other, &at))?,
        "remount" => {
            // Of what is mounted there already: the root.
            let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NODEV;
            note(report, "mount", mount(NONE, "/proc", NONE, flags, NONE))?;
        }
        "propagation" => {
            let flags = MsFlags::MS_SHARED;
            note(report, "mount", mount(NONE, "/proc", NONE, flags, NONE))?;
        }
        "umount" => note(report, "umount", umount2("/proc", MntFlags::MNT_DETACH))?,
        "umount-old" => {
            // SAFETY: the path ends with a zero byte.
            let result = sys::check(unsafe { libc::umount2(c"/sys".as_ptr(), libc::MNT_DETACH) });
            report.step("umount", result)?;
        }
        "move-mount" => {
            let tree = report.step("open_tree", clone_tree(&other))?;
            report.step("move_mount", attach(&tree, &at))?;
        }
        "configure" => {
            report.step("fsconfig", configured())?;
            report.fact("effect", "made");
            return Ok(());
        }
        "create" => {
            report.step("fsconfig", detached())?;
            report.fact("effect", "made");
            return Ok(());
        }
        "reconfigure" => {
            report.step("fsconfig", reconfigure(c"/proc"))?;
            report.fact("effect", "reconfigured");
            return Ok(());
        }
        "attributes" => report.step("mount_setattr", set_attributes(c"/proc"))?,
        "pivot" => return pivot(report, &at),
        other => return Err(Error::Failed(format!("probe: no way to mount {other}")).into()),
    }
    // /proc may be away by now: then the table cannot be read, which tells as well.
    if table().ok() != Some(before) {
        report.fact("effect", "the mounts are others");
    }
    Ok(())
}

fn note(report: &mut Report, call: &str, result: nix::Result<()>) -> Step {
    report.step(call, result.map_err(io::Error::from))
}

fn table() -> io::Result<String> {
    fs::read_to_string("/proc/self/mountinfo")
}

fn tmpfs(at: &CStr) -> nix::Result<()> {
    mount(Some("own"), at, Some("tmpfs"), MsFlags::empty(), NONE)
}

fn bind(from: &CStr, to: &CStr) -> nix::Result<()> {
    mount(Some(from), to, NONE, MsFlags::MS_BIND, NONE)
}

/// The root becomes another directory, which is no mount: with it nothing would be tried but that.
fn pivot(report: &mut Report, at: &CStr) -> Step {
    chdir(at)?;
    // The kernel asks who may before it looks what; what it then says depends on the file system of the root.
    let pivoted = match pivot_root(".", ".") {
        Err(nix::Error::EBUSY) => Err(nix::Error::EINVAL),
        other => other,
    };
    note(report, "pivot_root", pivoted)
}

/// A file system that is told how large it is, mounted nowhere.
fn configured() -> io::Result<()> {
    let kind = c"tmpfs";
    // SAFETY: the text ends with a zero byte.
    let context =
        unsafe { sys::call_for_descriptor(libc::SYS_fsopen, [kind.as_ptr() as i64, 0, 0, 0, 0]) }?;
    let (fd, key, value) = (i64::from(context.as_raw_fd()), c"size", c"64k");
    let (key, value) = (key.as_ptr() as i64, value.as_ptr() as i64);
    // SAFETY: both texts end with a zero byte.
    unsafe { sys::call(libc::SYS_fsconfig, [fd, FSCONFIG_SET_STRING, key, value, 0]) }?;
    let create = [fd, FSCONFIG_CMD_CREATE, 0, 0, 0];
    // SAFETY: no pointers.
    unsafe { sys::call(libc::SYS_fsconfig, create) }?;
    // SAFETY: no pointers.
    unsafe { sys::call_for_descriptor(libc::SYS_fsmount, [fd, 0, 0, 0, 0]) }.map(drop)
}

/// A context for what is mounted there, and the same flag again.
fn reconfigure(at: &CStr) -> io::Result<()> {
    let here = libc::AT_FDCWD.into();
    let arguments = [here, at.as_ptr() as i64, FSPICK_NO_AUTOMOUNT, 0, 0];
    // SAFETY: the path ends with a zero byte.
    let context: OwnedFd = unsafe { sys::call_for_descriptor(libc::SYS_fspick, arguments) }?;
    let fd = i64::from(context.as_raw_fd());
    let flag = [fd, FSCONFIG_SET_FLAG, c"rw".as_ptr() as i64, 0, 0];
    // SAFETY: the text ends with a zero byte.
    unsafe { sys::call(libc::SYS_fsconfig, flag) }?;
    // SAFETY: no pointers.
    unsafe { sys::call(libc::SYS_fsconfig, [fd, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0]) }.map(drop)
}

fn set_attributes(at: &CStr) -> io::Result<()> {
    let attributes = Attributes {
        set: MOUNT_ATTR_NOEXEC,
        ..Attributes::default()
    };
    let pointer = &raw const attributes as i64;
    let size = i64::try_from(size_of::<Attributes>()).map_err(io::Error::other)?;
    let arguments = [libc::AT_FDCWD.into(), at.as_ptr() as i64, 0, pointer, size];
    // SAFETY: the path ends with a zero byte, the structure is valid for its size.
    unsafe { sys::call(libc::SYS_mount_setattr, arguments) }.map(drop)
}

/// `mount-nfs SERVER DIRECTORY`: the kernel would ask the server, on behalf of nobody.
fn mount_nfs(report: &mut Report, arguments: &Arguments) -> Step {
    let (server, at) = (arguments.text(0)?, arguments.path(1)?);
    leave(report)?;
    let options = format!(
        "vers=3,nolock,soft,proto=tcp,mountproto=tcp,mountport=7777,timeo=1,retrans=0,addr={server}"
    );
    let (source, flags) = (format!("{server}:/share"), MsFlags::empty());
    let mounted = mount(Some(&*source), &*at, Some("nfs"), flags, Some(&*options));
    match mounted {
        // A kernel without it.
        Err(nix::Error::ENODEV) => note(report, "mount", Err(nix::Error::EOPNOTSUPP)),
        // There is no such server: that it was asked is counted on the wire.
        Err(
            nix::Error::ETIMEDOUT
            | nix::Error::ECONNREFUSED
            | nix::Error::EIO
            | nix::Error::EAGAIN
            | nix::Error::EPROTONOSUPPORT
            | nix::Error::EINVAL,
        ) => note(report, "mount", Ok(())),
        other => note(report, "mount", other),
    }
}
