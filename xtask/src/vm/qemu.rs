//! Runs a machine to its end.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::process::Job;

/// `lsm=` is explicit: whether `bpf` is among the defaults differs between the kernels.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 lsm=lockdown,capability,landlock,bpf";
/// A machine that prints nothing for so long is stuck.
const SILENCE: Duration = Duration::from_mins(10);
/// No machine runs longer: the suite takes minutes in software emulation, more on a busy host and beside
/// other machines.
const TOTAL: Duration = Duration::from_hours(1);

/// How the command in the machine ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Its exit status.
    Exit(u8),
    /// The number of the signal that it died of.
    Signal(u8),
}

impl Outcome {
    /// Fails unless the command succeeded.
    pub(crate) fn success(self) -> Result<()> {
        match self {
            Self::Exit(0) => Ok(()),
            Self::Exit(status) => bail!("exit status {status}"),
            Self::Signal(number) => bail!("died of signal {number}"),
        }
    }
}

/// How time passes in a machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// As on this host, on two processors.
    Clock,
    /// One nanosecond an instruction, on one processor: what is done again takes as long again, whatever else
    /// this host does. Who waits is not kept waiting.
    Instructions,
}

impl Pace {
    /// What qemu is told.
    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Clock => &["-accel", "tcg,thread=multi", "-smp", "2"],
            Self::Instructions => &[
                "-accel",
                "tcg,thread=single",
                "-icount",
                "shift=0,sleep=off",
                "-smp",
                "1",
            ],
        }
    }

    /// What the kernel is told. With `preempt=full` a program can be interrupted by another task's, which what
    /// belongs to a processor would not survive. What it does against the faults of some processors depends on this
    /// host's.
    const fn command_line(self) -> &'static str {
        match self {
            Self::Clock => "preempt=full",
            Self::Instructions => "mitigations=off",
        }
    }
}

/// Boots a machine and runs it until it turns itself off; each line of its console goes to `print`.
/// What it writes to its disk, if it has one, is thrown away.
///
/// A kernel that panics before it has run anything of ours is booted once more: that is the emulator's matter, and
/// says nothing of us. One that panics later is a failure.
///
/// Emulated in software: where hardware virtualisation is offered to us it does not always work, and
/// what is emulated behaves the same everywhere.
pub(super) fn run(
    kernel: &Path,
    initramfs: &Path,
    disk: Option<&Path>,
    pace: Pace,
    extra: &str,
    print: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    let boot = |print: &mut dyn FnMut(&str)| {
        let options = [pace.command_line(), extra].join(" ");
        boot(kernel, initramfs, disk, pace.options(), &options, print)
    };
    let mut ended = boot(print)?;
    if let Ended::Unbegun = ended {
        print("vm: the kernel panicked before it ran anything of ours: it is booted once more");
        ended = boot(print)?;
    }
    match ended {
        Ended::Reported(outcome) => Ok(outcome),
        Ended::Unbegun => bail!("the kernel panicked twice before it ran anything of ours"),
        Ended::Panicked => bail!("the kernel panicked"),
    }
}

/// How a machine ended that had no errors of its own.
enum Ended {
    /// The command ended.
    Reported(Outcome),
    /// The kernel panicked before the command ran.
    Unbegun,
    /// The kernel panicked while the command ran.
    Panicked,
}

fn boot(
    kernel: &Path,
    initramfs: &Path,
    disk: Option<&Path>,
    options: &[&str],
    command_line: &str,
    print: &mut dyn FnMut(&str),
) -> Result<Ended> {
    let report = tempfile::NamedTempFile::new().context("cannot make a file for the report")?;
    // The machine must not outlive this task, not even when it is killed.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(options)
        .args(["-cpu", "max", "-m", "2048"])
        .args([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
        ])
        .args(["-serial", "stdio", "-serial"])
        .arg(format!("file:{}", report.path().display()))
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .arg("-append")
        .arg(format!("{COMMAND_LINE} {command_line}").trim())
        .args(disk.into_iter().flat_map(drive))
        .stdout(Stdio::piped());
    let mut job = Job::start(&mut command)?;
    let stdout = job
        .child()
        .stdout
        .take()
        .context("qemu has no standard output")?;
    let panicked = stream(&lines(stdout), print)?;
    job.finish()?;

    let report = fs::read_to_string(report.path()).context("cannot read the machine's report")?;
    let (begun, rest) = match report.split_once('\n') {
        Some((first, rest)) if first.trim_end() == BEGUN => (true, rest),
        _ => (false, report.as_str()),
    };
    match parse(rest) {
        Some(Ok(outcome)) => Ok(Ended::Reported(outcome)),
        Some(Err(error)) => bail!("the machine could not be prepared: {error}"),
        None if panicked && begun => Ok(Ended::Panicked),
        None if panicked => Ok(Ended::Unbegun),
        None => bail!("the machine went down without a report"),
    }
}

/// The report's first line, once the command runs.
const BEGUN: &str = "begun";

/// A disk that is as it was when the machine is gone.
fn drive(disk: &Path) -> [OsString; 2] {
    let mut drive = OsString::from("if=virtio,format=raw,snapshot=on,file=");
    // A comma would end the name.
    drive.push(disk.display().to_string().replace(',', ",,"));
    ["-drive".into(), drive]
}

/// The end of the machine's report, if it came: one whole line.
fn parse(report: &str) -> Option<Result<Outcome, String>> {
    let (line, _) = report.split_once('\n')?;
    let (word, rest) = line.trim_end().split_once(' ')?;
    match (word, rest.parse()) {
        ("exit", Ok(status)) => Some(Ok(Outcome::Exit(status))),
        ("signal", Ok(number)) => Some(Ok(Outcome::Signal(number))),
        ("error", _) => Some(Err(rest.to_owned())),
        _ => None,
    }
}

/// Prints the console until it closes. Whether the kernel panicked; an error when time is up.
fn stream(lines: &Receiver<String>, print: &mut dyn FnMut(&str)) -> Result<bool> {
    let end = Instant::now() + TOTAL;
    let mut panicked = false;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("the machine did not end within {} s", TOTAL.as_secs());
        }
        match lines.recv_timeout(left.min(SILENCE)) {
            Ok(line) => {
                panicked |= line.contains("Kernel panic");
                print(&line);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(panicked),
            Err(RecvTimeoutError::Timeout) if left <= SILENCE => {}
            Err(RecvTimeoutError::Timeout) => {
                bail!("the machine was silent for {} s", SILENCE.as_secs());
            }
        }
    }
}

/// The lines of the console as they come, in a thread of their own so that the wait has a limit.
fn lines(console: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line);
            if sender.send(line.trim_end_matches('\r').to_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::{Outcome, parse};

    #[test]
    fn a_report_is_one_whole_line() {
        assert_eq!(parse("exit 3\r\n"), Some(Ok(Outcome::Exit(3))));
        assert_eq!(parse("signal 9\n"), Some(Ok(Outcome::Signal(9))));
        assert_eq!(parse("error no /init\n"), Some(Err("no /init".to_owned())));
        assert_eq!(parse("exit 3"), None);
        assert_eq!(parse("exit x\n"), None);
        assert_eq!(parse(""), None);
    }
}
