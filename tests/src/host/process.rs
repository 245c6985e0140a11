//! Processes of the suite.

use std::{
    fs,
    io::Read,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use crate::error::{Context, Outcome, failed};

/// The kernel kills the command when the thread that starts it ends.
pub fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            crate::sys::check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)).map(drop)
        });
    }
}

/// A child that is killed when it is dropped.
#[derive(Debug)]
pub struct Running(pub Child);

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        die_with_parent(command);
        let shown = format!("start {}", command.get_program().display());
        Ok(Self(command.spawn().context(shown)?))
    }

    /// Its process id.
    pub fn id(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Outcome {
        kill(self.id(), signal).context(format!("send {signal} to {}", self.id()))
    }

    /// Waits for the end; fails after the limit.
    pub fn wait(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait().context("wait for a child")? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return failed(format!("process {} does not end in {limit:?}", self.0.id()));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs a command to its end and takes what it writes; kills it after the limit.
pub fn output(command: &mut Command, limit: Duration) -> Outcome<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Running::start(command)?;
    let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
    let stdout = thread::spawn(move || read_all(stdout));
    let stderr = thread::spawn(move || read_all(stderr));
    let status = child.wait(limit)?;
    Ok(Output {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    })
}

fn read_all(from: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        // What came before an error is still worth showing.
        drop(from.read_to_end(&mut bytes));
    }
    bytes
}

/// Makes the calling process the parent of orphans among its descendants.
pub fn adopt_orphans() -> Outcome {
    nix::sys::prctl::set_child_subreaper(true).context("adopt orphans")
}

/// The children of a process.
pub fn children(of: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(*pid) == Some(of))
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Processor time that a process has used so far, that of its threads included.
pub fn processor_time(pid: u32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("read a process's times")?;
    let fields = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace();
    // Fields 14 and 15 of proc(5), in hundredths of a second; the first after the name is field 3.
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Whether more is to be run on this machine than it has processors for.
pub fn is_busy() -> bool {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load
        .split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors).is_ok_and(|processors| load > f64::from(processors))
}

/// The command line of a process, for messages.
pub fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim()
        .to_owned()
}

/// Kills a process that this one is, or will be, the parent of, and waits for its end.
pub fn end(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed());
    // It may be gone already, or be a zombie.
    let _ = kill(pid, Signal::SIGKILL);
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(nix::sys::wait::WaitStatus::StillAlive) => thread::sleep(Duration::from_millis(2)),
            _ => return,
        }
    }
}
