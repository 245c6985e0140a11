//! The command that the machine was started for.

use std::{
    fmt, fs,
    fs::File,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::wait::{WaitStatus, wait},
    unistd::Pid,
};

/// Where xtask puts the command: its words, each followed by a zero byte.
const COMMAND: &str = "/command";

/// How a command ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// Its exit status.
    Exit(i32),
    /// The number of the signal that it died of.
    Signal(i32),
}

impl Outcome {
    /// Fails unless the command succeeded.
    pub(crate) fn success(self) -> Result<()> {
        match self {
            Self::Exit(0) => Ok(()),
            other => bail!("{other}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(status) => write!(formatter, "exit {status}"),
            Self::Signal(number) => write!(formatter, "signal {number}"),
        }
    }
}

/// The words of the command.
pub(crate) fn read() -> Result<Vec<String>> {
    let text = fs::read_to_string(COMMAND).with_context(|| format!("cannot read {COMMAND}"))?;
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}

/// Runs a command on the console, and collects every orphan that ends meanwhile: they are this
/// process's children, as it is the first.
pub(crate) fn run(words: &[String], console: &File) -> Result<Outcome> {
    let (program, arguments) = words.split_first().context("the command is empty")?;
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
            ("RUST_BACKTRACE", "1"),
        ])
        .stdin(Stdio::null())
        .stdout(console.try_clone()?)
        .stderr(console.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let child = Pid::from_raw(i32::try_from(child.id())?);
    loop {
        match wait().context("cannot wait for the command")? {
            WaitStatus::Exited(pid, status) if pid == child => return Ok(Outcome::Exit(status)),
            WaitStatus::Signaled(pid, signal, _) if pid == child => {
                return Ok(Outcome::Signal(signal as i32));
            }
            _ => {}
        }
    }
}
