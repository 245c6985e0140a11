//! Child processes, and signals that end them.
//!
//! Every child runs in a process group of its own. A signal that ends this task (Ctrl-C included)
//! is passed on to each group exactly once, and the task waits for its children: a demonstration or
//! a test suite undoes what it has set up before it goes.

use std::{
    fmt::Write as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    thread,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// The process groups that are running.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
/// The signal that ends this task, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Passes ending signals on to the children from now on.
pub(crate) fn forward_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        for number in signals.forever() {
            SIGNAL.store(number, Ordering::SeqCst);
            for &group in groups().iter() {
                signal_group(group, number);
            }
        }
    });
    Ok(())
}

/// The signal that was sent to end this task.
pub(crate) fn interrupted() -> Option<i32> {
    Some(SIGNAL.load(Ordering::SeqCst)).filter(|&number| number != 0)
}

/// Fails when this task is to end: called between steps.
pub(crate) fn check_interrupted() -> Result<()> {
    match interrupted() {
        Some(number) => bail!("interrupted by signal {number}"),
        None => Ok(()),
    }
}

fn groups() -> MutexGuard<'static, Vec<Pid>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal_group(group: Pid, number: i32) {
    let Ok(signal) = Signal::try_from(number) else {
        return;
    };
    if killpg(group, signal) == Err(Errno::EPERM) {
        // A child behind sudo belongs to root. If even sudo cannot, the child ends by itself.
        let _ = Command::new("sudo")
            .args([
                "-n",
                "kill",
                "-s",
                &number.to_string(),
                "--",
                &format!("-{group}"),
            ])
            .stdin(Stdio::null())
            .status();
    }
}

/// A child that runs in its own process group. Dropping it kills the group.
#[derive(Debug)]
pub(crate) struct Job {
    child: Child,
    group: Pid,
    line: String,
}

impl Job {
    /// Starts `command`, without standard input.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        check_interrupted()?;
        let line = describe(command);
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {line}"))?;
        let group = Pid::from_raw(i32::try_from(child.id())?);
        groups().push(group);
        if let Some(number) = interrupted() {
            signal_group(group, number);
        }
        Ok(Self { child, group, line })
    }

    /// The child, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the child to end.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        let status = self.child.wait();
        self.forget();
        status.with_context(|| format!("cannot wait for {}", self.line))
    }

    /// Waits for the child to end, which must succeed.
    pub(crate) fn finish(self) -> Result<()> {
        let line = self.line.clone();
        let status = self.wait()?;
        check_interrupted()?;
        if !status.success() {
            bail!("{line}: {status}");
        }
        Ok(())
    }

    fn forget(&mut self) {
        groups().retain(|&group| group != self.group);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal_group(self.group, Signal::SIGKILL as i32);
            let _ = self.child.wait();
        }
        self.forget();
    }
}

/// Runs `command` to its end; it must succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    Job::start(command)?.finish()
}

/// Runs `command` to its end, however it ends, and answers what it prints.
pub(crate) fn finished(command: &mut Command) -> Result<Output> {
    let line = describe(command);
    let output = command.stdin(Stdio::null()).output();
    output.with_context(|| format!("cannot start {line}"))
}

/// What `command` prints; it must succeed, and its complaints are shown if it does not.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = finished(command)?;
    check_interrupted()?;
    if !output.status.success() {
        bail!(
            "{line}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{line}: output is not UTF-8"))
}

/// The command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}
