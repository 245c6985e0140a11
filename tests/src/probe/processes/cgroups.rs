//! Leaving the cgroup that says whose a process is. A cgroup is named by its directory.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    process::Command,
    thread,
    time::Duration,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::wait::waitpid,
    unistd::Pid,
};

use super::super::{
    Report, Step, Technique,
    arguments::Arguments,
    child::{exit, in_child},
    hold::{ready, released},
    udp::ping,
};
use crate::{error::Error, host::cgroup, sys};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("cgroup-open", open),
    ("cgroup-clone", clone_into),
    ("cgroup-leave", leave),
    ("cgroup-leave-later", leave_later),
    ("cgroup-move", move_other),
    ("cgroup-prepare", prepare),
    ("cgroup-ping-forever", ping_forever),
];

/// `CLONE_INTO_CGROUP` of linux/sched.h.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` of linux/sched.h, as long as it is since it has a cgroup.
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
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `cgroup-open WHERE FILE`: for writing, of its own cgroup (`own`) or of the root's (`root`).
fn open(report: &mut Report, arguments: &Arguments) -> Step {
    let directory = match arguments.text(0)? {
        "own" => super::super::identity::own_cgroup()?,
        "root" => cgroup::mount_point()?,
        other => return Err(Error::Failed(format!("probe: no cgroup {other}")).into()),
    };
    let path = directory.join(arguments.text(1)?);
    let opened = File::options().write(true).open(path);
    report.step("open", opened)?;
    report.fact("effect", "opened");
    Ok(())
}

/// `cgroup-clone HOW`: a child in the root's cgroup, by a descriptor of its directory that may be read (`read`) or
/// that is only a place (`path`).
fn clone_into(report: &mut Report, arguments: &Arguments) -> Step {
    let flags = match arguments.text(0)? {
        "path" => libc::O_PATH,
        _ => libc::O_DIRECTORY,
    };
    let options = File::options().read(true).custom_flags(flags).clone();
    let directory = report.step("open", options.open(cgroup::mount_point()?))?;
    let arguments = CloneArguments {
        flags: CLONE_INTO_CGROUP,
        exit_signal: u64::from(libc::SIGCHLD.cast_unsigned()),
        cgroup: u64::from(directory.as_raw_fd().cast_unsigned()),
        ..CloneArguments::default()
    };
    let size = i64::try_from(size_of::<CloneArguments>()).map_err(io::Error::other)?;
    let pointer = &raw const arguments as i64;
    // SAFETY: without an own stack this is fork(2), the probe has one thread, and the structure is valid for its
    // size.
    let child = unsafe { sys::call(libc::SYS_clone3, [pointer, size, 0, 0, 0]) };
    let child = report.step("clone3", child)?;
    if child == 0 {
        exit(0);
    }
    let child = i32::try_from(child).map_err(io::Error::other)?;
    waitpid(Pid::from_raw(child), None)?;
    report.fact("effect", "born there");
    Ok(())
}

/// `cgroup-leave DIRECTORY TO`: goes there, and sends.
fn leave(report: &mut Report, arguments: &Arguments) -> Step {
    let procs = format!("{}/cgroup.procs", arguments.text(0)?);
    report.step("move", fs::write(procs, "0"))?;
    ping(report, arguments.internet(1)?)
}

/// `cgroup-leave-later DIRECTORY TO`: by a descriptor that it has before the harness makes it an agent.
fn leave_later(report: &mut Report, arguments: &Arguments) -> Step {
    let procs = format!("{}/cgroup.procs", arguments.text(0)?);
    let mut procs = File::options().write(true).open(procs)?;
    wait();
    report.step("move", procs.write_all(b"0"))?;
    ping(report, arguments.internet(1)?)
}

/// `cgroup-move DIRECTORY PID`: another process.
fn move_other(report: &mut Report, arguments: &Arguments) -> Step {
    let procs = format!("{}/cgroup.procs", arguments.text(0)?);
    report.step("move", fs::write(procs, arguments.text(1)?))
}

/// `cgroup-prepare WHO DIRECTORY PROGRAM ARGUMENTS…`: goes there, mounts something, and executes the program in its
/// place. With `worker` instead of `itself` a child goes there and mounts, which is all.
fn prepare(report: &mut Report, arguments: &Arguments) -> Step {
    let directory = arguments.text(1)?;
    if arguments.text(0)? == "worker" {
        return in_child(report, |report| enter_and_mount(report, directory));
    }
    enter_and_mount(report, directory)?;
    println!("{}", report.to_json());
    let words = arguments.0.get(3..).unwrap_or_default();
    let error = Command::new(arguments.text(2)?).args(words).exec();
    // A line of its own, as that of the program would have been.
    *report = Report::default();
    report.step("execve", Err(error))
}

fn enter_and_mount(report: &mut Report, directory: &str) -> Step {
    let moved = fs::write(format!("{directory}/cgroup.procs"), "0");
    report.step("move", moved)?;
    let left = unshare(CloneFlags::CLONE_NEWNS).map_err(io::Error::from);
    report.step("unshare", left)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let mounted = mount(None::<&str>, "/", None::<&str>, flags, None::<&str>);
    report.step("mount", mounted.map_err(io::Error::from))
}

fn wait() {
    ready();
    while !released() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// `cgroup-ping-forever TO`: until the harness closes standard input.
fn ping_forever(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    println!("ready {}", std::process::id());
    io::stdout().flush()?;
    let (mut passed, mut refused) = (0_u64, 0_u64);
    while !released() {
        let mut own = Report::default();
        match ping(&mut own, to) {
            Ok(()) => passed += 1,
            Err(_) => refused += 1,
        }
        thread::sleep(Duration::from_millis(2));
    }
    report.fact("passed", passed);
    report.fact("refused", refused);
    Ok(())
}
