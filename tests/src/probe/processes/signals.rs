//! Signals, in every way that they can be sent: `signal HOW PID SIGNAL`.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        socket::{AddressFamily, SockFlag, SockType, socketpair},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, pause},
};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] =
    &[("signal", signal), ("signal-child", signal_child)];

/// `F_SETSIG` of linux/fcntl.h.
const F_SETSIG: i32 = 10;

fn signal(report: &mut Report, arguments: &Arguments) -> Step {
    let (pid, number): (i64, i64) = (arguments.parse(1)?, arguments.parse(2)?);
    let call = |number: libc::c_long, arguments| {
        // SAFETY: no pointers, but one to a structure of the size that the call wants.
        unsafe { sys::call(number, arguments) }.map(drop)
    };
    match arguments.text(0)? {
        "kill" => report.step("kill", call(libc::SYS_kill, [pid, number, 0, 0, 0]))?,
        // Every process of a group: each witness has one of its own.
        "group" => report.step("kill", call(libc::SYS_kill, [-pid, number, 0, 0, 0]))?,
        "tkill" => report.step("tkill", call(libc::SYS_tkill, [pid, number, 0, 0, 0]))?,
        "tgkill" => {
            let sent = call(libc::SYS_tgkill, [pid, pid, number, 0, 0]);
            report.step("tgkill", sent)?;
        }
        "queue" => {
            let info = information(number)?;
            let info = &raw const info as i64;
            let sent = call(libc::SYS_rt_sigqueueinfo, [pid, number, info, 0, 0]);
            report.step("rt_sigqueueinfo", sent)?;
        }
        "queue-thread" => {
            let info = information(number)?;
            let info = &raw const info as i64;
            let sent = call(libc::SYS_rt_tgsigqueueinfo, [pid, pid, number, info, 0]);
            report.step("rt_tgsigqueueinfo", sent)?;
        }
        "descriptor" => {
            let pid = i32::try_from(pid).map_err(io::Error::other)?;
            let process = report.step("pidfd_open", super::tracing::open(Pid::from_raw(pid)))?;
            let fd = process.as_raw_fd().into();
            let sent = call(libc::SYS_pidfd_send_signal, [fd, number, 0, 0, 0]);
            report.step("pidfd_send_signal", sent)?;
        }
        "owner" => by_owner(report, pid, number)?,
        other => return Err(Error::Failed(format!("probe: no way to signal {other}")).into()),
    }
    if number == 0 {
        report.fact("effect", "exists");
    }
    Ok(())
}

/// What `sigqueue` says of itself.
fn information(number: i64) -> io::Result<libc::siginfo_t> {
    // SAFETY: all-zero bytes are a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    info.si_signo = i32::try_from(number).map_err(io::Error::other)?;
    info.si_code = libc::SI_QUEUE;
    Ok(info)
}

/// The kernel sends it, when there is something to be read: to the process that a descriptor says.
fn by_owner(report: &mut Report, pid: i64, number: i64) -> Step {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (one, other) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
    let set = |fd: &OwnedFd, what: i32, value: i64| {
        // SAFETY: these commands take a number.
        sys::check(unsafe { libc::fcntl(fd.as_raw_fd(), what, value) })
    };
    report.step("F_SETOWN", set(&one, libc::F_SETOWN, pid))?;
    report.step("F_SETSIG", set(&one, F_SETSIG, number))?;
    report.step("F_SETFL", set(&one, libc::F_SETFL, libc::O_ASYNC.into()))?;
    report
        .step("send", sys::send_to(&other, b"now", 0, None))
        .map(drop)
}

/// To a child of its own, which it ends.
fn signal_child(report: &mut Report, _: &Arguments) -> Step {
    // SAFETY: the probe has one thread, so the child may do whatever the parent may.
    let child = match unsafe { fork() }? {
        ForkResult::Child => loop {
            pause();
        },
        ForkResult::Parent { child } => child,
    };
    let sent = kill(child, Signal::SIGTERM).map_err(io::Error::from);
    if sent.is_err() {
        // It may be that only this one is refused; if not, the case has failed anyway.
        let _ = kill(child, Signal::SIGKILL);
    }
    report.step("kill", sent)?;
    if waitpid(child, None)? == WaitStatus::Signaled(child, Signal::SIGTERM, false) {
        report.fact("effect", "ended");
    }
    Ok(())
}
