//! Looking into other processes, and changing them: `trace HOW PID MEMORY DESCRIPTOR`.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::fs::FileExt},
};

use nix::{
    errno::Errno,
    sched::{CloneFlags, setns},
    sys::{
        signal::{Signal, kill},
        uio::{RemoteIoVec, process_vm_readv, process_vm_writev},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{ForkResult, Pid, fork},
};

use super::super::{Report, Step, Stop, Technique, arguments::Arguments, child};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("trace", trace),
    ("trace-child", trace_child),
    ("trace-me", trace_me),
];

/// `KCMP_VM` of linux/kcmp.h.
const KCMP_VM: i64 = 1;

struct Target {
    pid: Pid,
    memory: usize,
    descriptor: i32,
}

impl Target {
    fn number(&self) -> i64 {
        self.pid.as_raw().into()
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }

    /// Where something of its memory is.
    fn part(&self) -> RemoteIoVec {
        RemoteIoVec {
            base: self.memory,
            len: 8,
        }
    }
}

fn trace(report: &mut Report, arguments: &Arguments) -> Step {
    let target = Target {
        pid: Pid::from_raw(arguments.parse(1)?),
        memory: arguments.parse(2)?,
        descriptor: arguments.parse(3)?,
    };
    perform(report, arguments.text(0)?, &target)
}

fn perform(report: &mut Report, how: &str, target: &Target) -> Step {
    match how {
        "attach" => {
            report.step("ptrace", request(libc::PTRACE_ATTACH, target.pid))?;
            let stopped = waitpid(target.pid, Some(WaitPidFlag::__WALL));
            report.step("wait", stopped.map_err(Into::into))?;
            report.step("detach", request(libc::PTRACE_DETACH, target.pid))?;
            report.fact("effect", "stopped");
        }
        "seize" => {
            report.step("ptrace", request(libc::PTRACE_SEIZE, target.pid))?;
            report.fact("effect", "seized");
        }
        "read-memory" => {
            let mut own = [0; 8];
            let read = process_vm_readv(
                target.pid,
                &mut [io::IoSliceMut::new(&mut own)],
                &[target.part()],
            );
            report.step("process_vm_readv", read.map_err(Into::into))?;
            report.fact("content", String::from_utf8_lossy(&own));
        }
        "write-memory" => {
            let mine = mine();
            let own = [io::IoSlice::new(&mine)];
            let written = process_vm_writev(target.pid, &own, &[target.part()]);
            report.step("process_vm_writev", written.map_err(Into::into))?;
        }
        "memory-file" => {
            let opened = File::options()
                .read(true)
                .write(true)
                .open(target.file("mem"));
            let file = report.step("open", opened)?;
            // What cannot be opened for it may be opened, and then say nothing.
            let written = file.write_all_at(&mine(), target.memory as u64);
            report.step("write", written)?;
        }
        "root" => {
            let listed = fs::read_dir(target.file("root/")).map(Iterator::count);
            let count = report.step("open", listed)?;
            report.fact("content", count);
        }
        "directory" => {
            let at = report.step("readlink", fs::read_link(target.file("cwd")))?;
            report.fact("content", at.to_string_lossy());
        }
        "environment" => {
            let text = report.step("open", fs::read(target.file("environ")))?;
            report.fact("content", text.len());
        }
        "descriptor-file" => {
            let name = format!("fd/{}", target.descriptor);
            let file = report.step("open", File::open(target.file(&name)))?;
            let mut content = [0; 14];
            report.step("read", file.read_exact_at(&mut content, 0))?;
            report.fact("content", String::from_utf8_lossy(&content));
        }
        "take-descriptor" => take_descriptor(report, target)?,
        "namespace" => {
            let space = report.step("open", File::open(target.file("ns/net")))?;
            let entered = setns(space, CloneFlags::CLONE_NEWNET);
            report.step("setns", entered.map_err(Into::into))?;
            report.fact("effect", "entered");
        }
        "enter" => {
            let process = report.step("pidfd_open", open(target.pid))?;
            let entered = setns(process, CloneFlags::CLONE_NEWNET);
            report.step("setns", entered.map_err(Into::into))?;
            report.fact("effect", "entered");
        }
        "compare" => {
            let own = Pid::this().as_raw().into();
            let arguments = [own, target.number(), KCMP_VM, 0, 0];
            // SAFETY: no pointers.
            let compared = unsafe { sys::call(libc::SYS_kcmp, arguments) };
            report.step("kcmp", compared)?;
            report.fact("effect", "compared");
        }
        // What ps(1) reads of everybody.
        "status" => {
            let text = report.step("open", fs::read_to_string(target.file("stat")))?;
            report.fact("content", text.len());
        }
        other => return Err(Error::Failed(format!("probe: no way to trace {other}")).into()),
    }
    Ok(())
}

/// Something that nobody else writes: the last digits of its number.
fn mine() -> [u8; 8] {
    let mut text = *b"mine ...";
    let digits = std::process::id().to_string();
    for (to, digit) in text.iter_mut().rev().zip(digits.bytes().rev()) {
        *to = digit;
    }
    text
}

fn take_descriptor(report: &mut Report, target: &Target) -> Step {
    let process = report.step("pidfd_open", open(target.pid))?;
    let arguments = [
        process.as_raw_fd().into(),
        target.descriptor.into(),
        0,
        0,
        0,
    ];
    // SAFETY: no pointers.
    let taken = unsafe { sys::call_for_descriptor(libc::SYS_pidfd_getfd, arguments) };
    let file = File::from(report.step("pidfd_getfd", taken)?);
    let mut content = [0; 14];
    report.step("read", file.read_exact_at(&mut content, 0))?;
    report.fact("content", String::from_utf8_lossy(&content));
    Ok(())
}

pub(super) fn open(pid: Pid) -> io::Result<std::os::fd::OwnedFd> {
    // SAFETY: no pointers.
    unsafe { sys::call_for_descriptor(libc::SYS_pidfd_open, [pid.as_raw().into(), 0, 0, 0, 0]) }
}

/// ptrace(2) without an address and data.
fn request(what: libc::c_uint, pid: Pid) -> io::Result<()> {
    // SAFETY: none of these requests writes to memory of this process.
    let result = unsafe { libc::ptrace(what, pid.as_raw(), 0, 0) };
    Errno::result(result).map(drop).map_err(Into::into)
}

/// `trace-child HOW`: of a child of its own, which has the same memory.
fn trace_child(report: &mut Report, arguments: &Arguments) -> Step {
    let memory: &'static [u8; 8] = Box::leak(Box::new(*b"memories"));
    // SAFETY: the probe has one thread, so the child may do whatever the parent may.
    let child = match unsafe { fork() }? {
        ForkResult::Child => loop {
            nix::unistd::pause();
        },
        ForkResult::Parent { child } => child,
    };
    let target = Target {
        pid: child,
        memory: memory.as_ptr() as usize,
        descriptor: 0,
    };
    let performed = perform(report, arguments.text(0)?, &target);
    kill(child, Signal::SIGKILL)?;
    waitpid(child, Some(WaitPidFlag::__WALL))?;
    if performed.is_ok() && arguments.text(0)? == "write-memory" {
        report.fact("effect", "written");
    }
    performed
}

/// A child asks to be traced by its parent.
fn trace_me(report: &mut Report, _: &Arguments) -> Step {
    let traced = || -> Result<io::Result<()>, Stop> {
        // SAFETY: the probe has one thread, so the child may do whatever the parent may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                // SAFETY: this request uses none of the other arguments.
                let result = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
                // The daemon reads who this is after the fact; let it see.
                std::thread::sleep(super::super::LINGER);
                child::exit(match Errno::result(result) {
                    Ok(_) => 0,
                    Err(error) => error as i32,
                })
            }
            ForkResult::Parent { child } => {
                let nix::sys::wait::WaitStatus::Exited(_, code) = waitpid(child, None)? else {
                    return Err(Error::Failed("probe: the child was killed".into()).into());
                };
                Ok(match code {
                    0 => Ok(()),
                    code => Err(io::Error::from_raw_os_error(code)),
                })
            }
        }
    };
    report.step("ptrace", traced()?)?;
    report.fact("effect", "traced");
    Ok(())
}
