//! Processes that another one of their agent has moved out of its cgroups. The kernel has killed who did that; a
//! program can kill nobody else, so it is done here.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use agentguard_common::{
    decision::Action,
    event::{Event, Operation},
};
use procfs::process::Process;

/// Kills the process that an event tells was moved out. Other events are none of its business.
pub(super) fn kill(event: &Event) -> io::Result<()> {
    let is_one = event.operation == Operation::Cgroup as u8
        && event.action == Action::Refuse as u8
        && event.address.lo != 0;
    if !is_one {
        return Ok(());
    }
    let pid = i32::try_from(event.address.lo).map_err(io::Error::other)?;
    let Some(pidfd) = open(pid)? else {
        return Ok(());
    };
    // Whoever has the id now may be another; what the descriptor is of does not change any more.
    let Ok(stat) = Process::new(pid).and_then(|process| process.stat()) else {
        return Ok(());
    };
    // In hundredths of a second (`USER_HZ`).
    if stat.starttime != event.address.hi / 10_000_000 {
        return Ok(());
    }
    // SAFETY: the call takes a descriptor and numbers; no information goes with the signal.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            libc::SIGKILL,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    unless_gone(result).map(drop)
}

/// `None` if there is no such process any more.
fn open(pid: i32) -> io::Result<Option<OwnedFd>> {
    // SAFETY: the call takes numbers only (Linux 5.3).
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let Some(fd) = unless_gone(fd)? else {
        return Ok(None);
    };
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel just made the descriptor; nobody else owns it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

fn unless_gone(result: i64) -> io::Result<Option<i64>> {
    if result >= 0 {
        return Ok(Some(result));
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ESRCH) {
        Ok(None)
    } else {
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use agentguard_common::address::Address;

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn event(child: &Child) -> Event {
        let pid = i32::try_from(child.id()).unwrap();
        let started = Process::new(pid).unwrap().stat().unwrap().starttime;
        Event {
            operation: Operation::Cgroup as u8,
            action: Action::Refuse as u8,
            address: Address {
                hi: started * 10_000_000,
                lo: u64::from(child.id()),
            },
            ..Event::default()
        }
    }

    #[test]
    fn what_was_moved_is_killed() {
        let mut child = sleeper();
        let was = event(&child);
        kill(&was).unwrap();
        assert!(!child.wait().unwrap().success());
        kill(&was).unwrap();
    }

    #[test]
    fn nobody_else_is() {
        let mut child = sleeper();
        let is = event(&child);
        let mut others = [is, is, is];
        others[0].operation = Operation::Signal as u8;
        others[1].action = Action::Observe as u8;
        // The process that had this number before.
        others[2].address.hi -= 10_000_000;
        for other in others {
            kill(&other).unwrap();
        }
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
