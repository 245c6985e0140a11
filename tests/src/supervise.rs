//! A program that leaves nothing behind: what it does happens in a child, and what the child
//! leaves, however it ends, is removed.

use std::{
    process::{Command, ExitCode},
    sync::atomic::{AtomicI32, Ordering},
    thread,
    time::Duration,
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::{
    error::{Context, Outcome, failed},
    host::{self, Directories, process, process::Running},
};

/// The first argument of the child.
pub const CHILD: &str = "supervised";

/// The signal that asked for the end; 0 if none did.
static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

extern "C" fn interrupt(signal: libc::c_int) {
    INTERRUPTED.store(signal, Ordering::Relaxed);
}

/// From now on signals that end this process only show in [`interrupted`], and orphans become its
/// children. What a predecessor left that was killed is removed.
pub fn begin() -> Outcome {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let action = SigAction::new(
            SigHandler::Handler(interrupt),
            SaFlags::empty(),
            SigSet::empty(),
        );
        // SAFETY: the handler only stores to an atomic.
        unsafe { sigaction(signal, &action) }.context("install a signal handler")?;
    }
    process::adopt_orphans()?;
    for pid in host::stale()? {
        host::sweep(pid, Directories::Remove)?;
    }
    Ok(())
}

/// The signal that asked for the end.
pub fn interrupted() -> Option<i32> {
    Some(INTERRUPTED.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// Ends what a child has left to this process, removes what it made, and answers what there was. A child
/// that is not an orphan is spared.
pub fn clean(pid: u32, directories: Directories, spared: Option<u32>) -> Outcome<Vec<String>> {
    let mut left = Vec::new();
    loop {
        let mut orphans = process::children(std::process::id());
        orphans.retain(|orphan| Some(*orphan) != spared);
        if orphans.is_empty() {
            break;
        }
        for orphan in orphans {
            let what = process::command_line(orphan);
            process::end(orphan);
            // A zombie has no command line: it only waited to be seen.
            if !what.is_empty() {
                left.push(format!("process {what}"));
            }
        }
    }
    left.extend(host::sweep(pid, directories)?);
    Ok(left)
}

/// Runs this program again, as [`CHILD`] with the same arguments, and cleans up behind it. Answers
/// the child's exit status, or the shell's number for a signal that interrupted it.
pub fn supervise(arguments: &[String]) -> Outcome<ExitCode> {
    begin()?;
    let mut command = Command::new(std::env::current_exe().context("find the own program")?);
    command.arg(CHILD).args(arguments);
    let mut child = Running::start(&mut command)?;
    let pid = child.0.id();
    let status = loop {
        if let Some(signal) = interrupted() {
            drop(child);
            clean(pid, Directories::Remove, None)?;
            return Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)));
        }
        if let Some(status) = child.0.try_wait().context("wait for the child")? {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let left = clean(pid, Directories::Remove, None)?;
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) if !left.is_empty() => failed(format!("left behind: {}", left.join(", "))),
        Some(code) => Ok(ExitCode::from(code)),
        None => failed(format!("ended with {status}")),
    }
}

/// Fails unless this process is root.
pub fn require_root(why: &str) -> Outcome {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    failed(format!("this needs root, {why}; run it with sudo"))
}
