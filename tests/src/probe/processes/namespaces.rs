//! User namespaces, in every way that one can be made: `namespace HOW`.

use std::{fs, io};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::wait::waitpid,
    unistd::Pid,
};

use super::super::{Report, Step, Technique, arguments::Arguments, child::exit};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] =
    &[("namespace", namespace), ("namespace-mount", with_mount)];

/// `struct clone_args` of linux/sched.h, as long as it was at first.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

fn namespace(report: &mut Report, arguments: &Arguments) -> Step {
    let user = libc::CLONE_NEWUSER;
    let call = arguments.text(0)?;
    match call {
        "unshare" => report.step(call, unshare(CloneFlags::CLONE_NEWUSER).map_err(Into::into))?,
        "clone" => {
            let flags = i64::from(user | libc::SIGCHLD);
            // SAFETY: without an own stack this is fork(2); the probe has one thread.
            let child = unsafe { sys::call(libc::SYS_clone, [flags, 0, 0, 0, 0]) };
            parent(report.step(call, child)?)?;
        }
        "clone3" => {
            let arguments = CloneArguments {
                flags: u64::from(user.cast_unsigned()),
                exit_signal: u64::from(libc::SIGCHLD.cast_unsigned()),
                ..CloneArguments::default()
            };
            let size = i64::try_from(size_of::<CloneArguments>()).map_err(io::Error::other)?;
            let pointer = &raw const arguments as i64;
            // SAFETY: as above; the structure is valid for its size.
            let child = unsafe { sys::call(libc::SYS_clone3, [pointer, size, 0, 0, 0]) };
            parent(report.step(call, child)?)?;
        }
        other => return Err(Error::Failed(format!("probe: no namespace by {other}")).into()),
    }
    report.fact("effect", "made");
    Ok(())
}

/// The child ends at once, the parent waits for it.
fn parent(child: i64) -> Result<(), Error> {
    if child == 0 {
        exit(0);
    }
    let child = i32::try_from(child).map_err(io::Error::other)?;
    waitpid(Pid::from_raw(child), None)?;
    Ok(())
}

/// `namespace-mount DIRECTORY PATH`: a file system of its own in a user namespace of its own; then reads a file of
/// the host.
fn with_mount(report: &mut Report, arguments: &Arguments) -> Step {
    let (at, file) = (arguments.path(0)?, arguments.text(1)?);
    let flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS;
    report.step("unshare", unshare(flags).map_err(Into::into))?;
    let (kind, none) = (Some("tmpfs"), None::<&str>);
    let mounted = mount(Some("own"), &*at, kind, MsFlags::empty(), none);
    report.step("mount", mounted.map_err(Into::into))?;
    let text = report.step("open", fs::read_to_string(file))?;
    report.fact("content", text);
    Ok(())
}
