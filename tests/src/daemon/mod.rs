//! The program under test, as an operator runs it.

mod control;
mod doctor;
mod launch;
mod ledger;
mod log;
mod moment;
mod status;

pub use doctor::Doctor;
pub use launch::{Launch, Settings};
pub use ledger::Ledger;
pub use log::{Record, Violations};
pub use moment::{Happened, Moment};
pub use status::{Counters, Status};

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    ensure,
    error::{Context, Outcome, failed},
    host::{Scratch, process, process::Running},
    world::NetNs,
};

/// How long a command of the program may take. Virtual machines are slow.
pub const COMMAND_LIMIT: Duration = Duration::from_mins(4);

/// A running daemon with directories of its own. Dropping it stops it, kills its agents and
/// removes its cgroups.
#[derive(Debug)]
pub struct Daemon {
    child: Running,
    stderr: Arc<Mutex<String>>,
    took: Duration,
    settings: Settings,
    book: Mutex<ledger::Book>,
    // After the child: the directory goes last.
    scratch: Scratch,
}

impl Daemon {
    /// Starts a daemon and waits until it enforces.
    pub fn start(settings: Settings, scopes: &[(&str, &str)]) -> Outcome<Self> {
        match launch::launch(settings, scopes)? {
            Launch::Enforcing(daemon) => Ok(*daemon),
            Launch::Ended(output) => {
                failed(format!("the daemon does not start: {}", ended(&output)))
            }
        }
    }

    /// Starts a daemon that may refuse to start.
    pub fn launch(settings: Settings, scopes: &[(&str, &str)]) -> Outcome<Launch> {
        launch::launch(settings, scopes)
    }

    /// Starts again in the same directories, after [`kill`](Self::kill) or [`stop`](Self::stop).
    pub fn restart(&mut self) -> Outcome {
        launch::restart(self)
    }

    /// How long it took from its start until it enforced.
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// How it was started.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        launch::run_directory(&self.scratch).join("agentguard.sock")
    }

    /// The violation log.
    pub fn log(&self) -> PathBuf {
        self.settings
            .log
            .clone()
            .unwrap_or_else(|| launch::log_file(&self.scratch))
    }

    /// The directory of the scopes.
    pub fn agents_directory(&self) -> PathBuf {
        launch::agents_directory(&self.scratch)
    }

    /// Where a scope file of this name is.
    pub fn scope_file(&self, name: &str) -> PathBuf {
        self.agents_directory().join(format!("{name}.toml"))
    }

    /// Writes a scope file. It counts after [`reload`](Self::reload), unless the daemon watches.
    pub fn write_scope(&self, name: &str, text: &str) -> Outcome {
        let path = self.scope_file(name);
        fs::write(&path, text).context(format!("write {}", path.display()))
    }

    /// Removes a scope file. As [`write_scope`](Self::write_scope).
    pub fn remove_scope(&self, name: &str) -> Outcome {
        let path = self.scope_file(name);
        fs::remove_file(&path).context(format!("remove {}", path.display()))
    }

    /// A command of the program, talking to this daemon.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.settings.program);
        command
            .args(arguments)
            .env("AGENTGUARD_SOCKET", self.socket());
        command
    }

    /// Runs a command of the program to its end.
    pub fn cli(&self, arguments: &[&str]) -> Outcome<Output> {
        process::output(&mut self.command(arguments), COMMAND_LIMIT)
    }

    /// A command line that will run as an agent, inside a network namespace.
    pub fn run_as(&self, agent: &str, inside: &NetNs, program: &Path) -> Command {
        let mut command = inside.command(&self.settings.program);
        command.env("AGENTGUARD_SOCKET", self.socket());
        command.args(["run", agent, "--"]).arg(program);
        command
    }

    /// What `agentguard reload` asks for, asked for directly. It must succeed.
    pub fn reload(&self) -> Outcome {
        control::ask(&self.socket(), "POST /v1/reload").map(drop)
    }

    /// What `agentguard status --json` prints, asked for directly.
    pub fn status(&self) -> Outcome<Status> {
        Status::ask(&self.socket())
    }

    /// The lines of kind `violation` after an offset of the log.
    pub fn violations(&self, offset: u64) -> Outcome<Vec<Record>> {
        Violations::after(&self.log(), offset)?.collect()
    }

    /// The lines of the log that tell of such an event of the daemon's own: `reload`, `reload-failed`.
    pub fn events(&self, event: &str) -> Outcome<Vec<Record>> {
        log::daemon_events(&self.log(), event)
    }

    /// What the lines of the log add up to by now.
    pub fn ledger(&self) -> Outcome<Ledger> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.update(&self.log()).cloned()
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: Signal) -> Outcome {
        self.child.signal(signal)
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) -> Outcome {
        self.child.signal(Signal::SIGTERM)?;
        let status = self.child.wait(COMMAND_LIMIT)?;
        ensure!(status.success(), "the daemon ends with {status}");
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Outcome {
        self.child.signal(Signal::SIGKILL)?;
        self.child.wait(COMMAND_LIMIT).map(drop)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// Its diagnostics so far.
    pub fn stderr(&self) -> String {
        self.stderr
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The end of its diagnostics and of its log, for the report of a failure.
    pub fn evidence(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        format!(
            "daemon:\n{}\nlog:\n{}",
            tail(&self.stderr(), 12),
            tail(&log, 6)
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already; what counts is that it is gone and its cgroups are.
        let _ = self.child.signal(Signal::SIGTERM);
        // The kernel detaches programs on security hooks one after another, and waits for each.
        if self.child.wait(Duration::from_mins(1)).is_err() {
            eprintln!("the daemon does not end on SIGTERM");
        }
        if let Err(error) = launch::remove_cgroup(&self.settings) {
            eprintln!("{error}");
        }
    }
}

/// How the program ended: with which status and word, then all that it said.
pub(crate) fn ended(output: &Output) -> String {
    let said = message(output);
    let last = said.lines().next_back().unwrap_or_default();
    format!("{}: {last}\n{said}", output.status)
}

/// What a command of the program said on standard error.
pub fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    let mut shown = String::new();
    for line in &all[all.len().saturating_sub(lines)..] {
        shown.push_str("    ");
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}
