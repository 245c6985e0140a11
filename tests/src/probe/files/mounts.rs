//! Other views of the file system: what names a file has there, and that it is the same file.
//! The first argument says as whom: `root` (in a mount namespace of its own) or `user` (in a user namespace, too).

use std::{
    ffi::{CStr, CString},
    fs, io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat},
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::stat::Mode,
    unistd::{chdir, chroot, pivot_root},
};

use super::{
    super::{Report, Step, Technique, arguments::Arguments, child::in_child},
    names::answer,
    opens::Purpose,
};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("bind-mount", bind),
    ("bind-file", bind_file),
    ("open-tree", open_tree),
    ("move-tree", move_tree),
    ("new-tmpfs", new_tmpfs),
    ("detached-tmpfs", detached_tmpfs),
    ("overlay", overlay),
    ("pivot-root", pivot),
    ("chroot-inside", chroot_inside),
    ("own-proc", own_proc),
];

/// Of linux/mount.h.
const OPEN_TREE_CLONE: libc::c_uint = 1;
const AT_RECURSIVE: libc::c_uint = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;

const NONE: Option<&str> = None;

/// Leaves for namespaces of its own.
fn leave(report: &mut Report, arguments: &Arguments) -> Step {
    let (flags, ids) = match arguments.text(0)? {
        "root" => (CloneFlags::CLONE_NEWNS, None),
        "user" => {
            let ids = (nix::unistd::getuid(), nix::unistd::getgid());
            (
                CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUSER,
                Some(ids),
            )
        }
        other => return Err(Error::Failed(format!("probe: no namespace of {other}")).into()),
    };
    report.step("unshare", answer(unshare(flags)))?;
    // With these it is root in its user namespace. An agent may be refused them: not every technique
    // needs them, and the mounts that follow tell.
    if let Some((user, group)) = ids {
        let map = fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {user} 1")))
            .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {group} 1")));
        report.step("map-ids", map)?;
    }
    // Nothing of it shows elsewhere.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    report.step("mount", answer(mount(NONE, "/", NONE, private, NONE)))
}

/// Opens for reading and reads: the step that counts.
fn look(report: &mut Report, opened: io::Result<OwnedFd>) -> Step {
    let file = report.step("open", opened)?;
    Purpose::named("read")?.carry_out(report, &file)
}

fn bind_at(report: &mut Report, from: &CStr, to: &CStr) -> Step {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    report.step("mount", answer(mount(Some(from), to, NONE, flags, NONE)))
}

/// `bind-mount WHO FROM TO NAME`.
fn bind(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    bind_at(report, &arguments.path(1)?, &arguments.path(2)?)?;
    let path = format!("{}/{}", arguments.text(2)?, arguments.text(3)?);
    look(report, opened(&path))
}

/// `bind-file WHO FROM TO`: of one file onto another.
fn bind_file(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    bind_at(report, &arguments.path(1)?, &arguments.path(2)?)?;
    look(report, opened(arguments.text(2)?))
}

/// `open-tree WHO FROM NAME`: a mount that is nowhere.
fn open_tree(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    let tree = report.step("open_tree", clone_tree(&arguments.path(1)?))?;
    look(report, beneath(&tree, &arguments.path(2)?))
}

/// `move-tree WHO FROM TO NAME`: likewise, attached elsewhere.
fn move_tree(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    let tree = report.step("open_tree", clone_tree(&arguments.path(1)?))?;
    report.step("move_mount", attach(&tree, &arguments.path(2)?))?;
    let path = format!("{}/{}", arguments.text(2)?, arguments.text(3)?);
    look(report, opened(&path))
}

/// `new-tmpfs WHO TO`: a file system that the host does not have. Its file is made and read there.
fn new_tmpfs(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    let to = arguments.path(1)?;
    let mounted = mount(Some("own"), &*to, Some("tmpfs"), MsFlags::empty(), NONE);
    report.step("mount", answer(mounted))?;
    chdir(&*to)?;
    make(report, openat(AT_FDCWD, c"file", CREATE, ANYBODY))
}

/// `detached-tmpfs WHO`: likewise, mounted nowhere.
fn detached_tmpfs(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    let tree = report.step("fsmount", detached())?;
    make(report, openat(&tree, c"file", CREATE, ANYBODY))
}

const CREATE: OFlag = OFlag::O_RDWR.union(OFlag::O_CREAT);
const ANYBODY: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// What was made is written and read.
fn make(report: &mut Report, made: nix::Result<OwnedFd>) -> Step {
    let file = report.step("open", answer(made))?;
    report.step("write", answer(nix::unistd::write(&file, b"own")))?;
    report.fact("content", "own");
    Ok(())
}

/// `overlay WHO LOWER TO NAME`: an overlay of the directory.
fn overlay(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    let (lower, to) = (arguments.text(1)?, arguments.text(2)?);
    // Without an upper one there must be two.
    let (flags, options) = (MsFlags::empty(), format!("lowerdir={lower}:{to},userxattr"));
    let mounted = mount(Some("own"), to, Some("overlay"), flags, Some(&*options));
    report.step("overlay", answer(mounted))?;
    look(report, opened(&format!("{to}/{}", arguments.text(3)?)))
}

/// `pivot-root WHO FROM TO ROOT AT PATH`: what is bound elsewhere is beneath the directory that becomes the root.
fn pivot(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    bind_at(report, &arguments.path(1)?, &arguments.path(2)?)?;
    bind_at(report, &arguments.path(3)?, &arguments.path(4)?)?;
    chdir(&*arguments.path(4)?)?;
    report.step("pivot_root", answer(become_root()))?;
    look(report, opened(arguments.text(5)?))
}

/// The working directory, which is a mount, becomes the root.
fn become_root() -> nix::Result<()> {
    match pivot_root(".", ".") {
        Ok(()) => umount2(".", MntFlags::MNT_DETACH)?,
        // The first file system of the kernel cannot be put anywhere.
        Err(nix::Error::EINVAL) => {
            mount(Some("."), "/", NONE, MsFlags::MS_MOVE, NONE)?;
            chroot(".")?;
        }
        Err(error) => return Err(error),
    }
    chdir("/")
}

/// `chroot-inside WHO DIRECTORY PATH`.
fn chroot_inside(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    report.step("chroot", answer(chroot(&*arguments.path(1)?)))?;
    look(report, opened(arguments.text(2)?))
}

/// `own-proc WHO TO`: a procfs of its own, in which it is process 1.
fn own_proc(report: &mut Report, arguments: &Arguments) -> Step {
    leave(report, arguments)?;
    report.step("unshare", answer(unshare(CloneFlags::CLONE_NEWPID)))?;
    let to = arguments.text(1)?.to_owned();
    in_child(report, |report| {
        let mounted = mount(Some("own"), &*to, Some("proc"), MsFlags::empty(), NONE);
        report.step("mount", answer(mounted))?;
        look(report, opened(&format!("{to}/1/status")))
    })
}

fn opened(path: &str) -> io::Result<OwnedFd> {
    let path = CString::new(path).map_err(io::Error::other)?;
    sys::open(&path, libc::O_RDONLY)
}

fn beneath(directory: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    answer(openat(directory, name, OFlag::O_RDONLY, Mode::empty()))
}

/// A call of the new mount interface, which libc does not have.
fn call(number: libc::c_long, arguments: [libc::c_long; 5]) -> io::Result<libc::c_int> {
    let [one, two, three, four, five] = arguments;
    // SAFETY: the callers pass what the call wants: numbers, and pointers to texts that live on.
    let result = unsafe { libc::syscall(number, one, two, three, four, five) };
    sys::check(i32::try_from(result).map_err(io::Error::other)?)
}

fn descriptor(result: io::Result<libc::c_int>) -> io::Result<OwnedFd> {
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    result.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(in super::super) fn clone_tree(path: &CStr) -> io::Result<OwnedFd> {
    let flags = OPEN_TREE_CLONE | AT_RECURSIVE;
    let arguments = [
        libc::AT_FDCWD.into(),
        path.as_ptr() as i64,
        flags.into(),
        0,
        0,
    ];
    descriptor(call(libc::SYS_open_tree, arguments))
}

pub(in super::super) fn attach(tree: &OwnedFd, to: &CStr) -> io::Result<()> {
    let (from, empty) = (tree.as_raw_fd().into(), c"".as_ptr() as i64);
    let flags = MOVE_MOUNT_F_EMPTY_PATH.into();
    let arguments = [
        from,
        empty,
        libc::AT_FDCWD.into(),
        to.as_ptr() as i64,
        flags,
    ];
    call(libc::SYS_move_mount, arguments).map(drop)
}

pub(in super::super) fn detached() -> io::Result<OwnedFd> {
    let kind = c"tmpfs";
    let context = descriptor(call(libc::SYS_fsopen, [kind.as_ptr() as i64, 0, 0, 0, 0]))?;
    let fd = i64::from(context.as_raw_fd());
    call(
        libc::SYS_fsconfig,
        [fd, FSCONFIG_CMD_CREATE.into(), 0, 0, 0],
    )?;
    descriptor(call(libc::SYS_fsmount, [fd, 0, 0, 0, 0]))
}
