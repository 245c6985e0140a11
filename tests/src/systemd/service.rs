//! The daemon as `packaging/agentguard.service` has it, with the paths of an installation.

use std::{
    fs,
    path::Path,
    process::Output,
    thread,
    time::{Duration, Instant},
};

use super::{property, systemctl, try_systemctl};
use crate::{
    daemon::{COMMAND_LIMIT, Counters, Happened, Record, Status, Violations},
    ensure,
    error::{Context, Outcome},
};

const UNIT: &str = "agentguard.service";
const AGENTS: &str = "/etc/agentguard/agents.d";
const LOG: &str = "/var/log/agentguard/violations.jsonl";
const SOCKET: &str = "/run/agentguard/agentguard.sock";

/// The daemon, which outlives the case: the next one finds it.
#[derive(Debug)]
pub struct Service(());

/// A point in the life of an agent.
#[derive(Clone, Debug)]
pub struct Mark {
    agent: String,
    offset: u64,
    counters: Counters,
}

impl Service {
    /// The service, not running, with these scopes.
    pub fn stopped(scopes: &[(&str, &str)]) -> Outcome<Self> {
        systemctl(&["stop", UNIT])?;
        drop(try_systemctl(&["reset-failed", UNIT]));
        let service = Self(());
        service.declare(scopes)?;
        Ok(service)
    }

    /// The service, running with these scopes.
    pub fn with(scopes: &[(&str, &str)]) -> Outcome<Self> {
        let service = Self(());
        service.declare(scopes)?;
        if property(UNIT, "ActiveState")? == "active" {
            service.reload()?;
        } else {
            drop(try_systemctl(&["reset-failed", UNIT]));
            service.start()?;
        }
        Ok(service)
    }

    /// Replaces all scope files. They count after a start or a reload.
    pub fn declare(&self, scopes: &[(&str, &str)]) -> Outcome {
        drop(fs::remove_dir_all(AGENTS));
        fs::create_dir_all(AGENTS).context("make the directory of scopes")?;
        for (name, text) in scopes {
            let path = Path::new(AGENTS).join(format!("{name}.toml"));
            fs::write(&path, text).context(format!("write {}", path.display()))?;
        }
        Ok(())
    }

    /// `systemctl start`: returns when the daemon says that it enforces.
    pub fn start(&self) -> Outcome {
        let output = self.try_start()?;
        ensure!(
            output.status.success(),
            "the daemon does not start: {}",
            self.journal()?
        );
        Ok(())
    }

    /// Starts it and goes on.
    pub fn begin(&self) -> Outcome {
        systemctl(&["start", "--no-block", UNIT]).map(drop)
    }

    /// `systemctl start`, which may fail.
    pub fn try_start(&self) -> Outcome<Output> {
        try_systemctl(&["start", UNIT])
    }

    /// `systemctl stop`.
    pub fn stop(&self) -> Outcome {
        systemctl(&["stop", UNIT]).map(drop)
    }

    /// `systemctl restart`.
    pub fn restart(&self) -> Outcome {
        systemctl(&["restart", UNIT]).map(drop)
    }

    /// `systemctl reload`.
    pub fn reload(&self) -> Outcome {
        systemctl(&["reload", UNIT]).map(drop)
    }

    /// `systemctl reload`, which may fail.
    pub fn try_reload(&self) -> Outcome<Output> {
        try_systemctl(&["reload", UNIT])
    }

    /// `systemctl kill` with SIGKILL.
    pub fn kill(&self) -> Outcome {
        systemctl(&["kill", "--signal=KILL", UNIT]).map(drop)
    }

    /// A property of the unit.
    pub fn property(&self, name: &str) -> Outcome<String> {
        property(UNIT, name)
    }

    /// What the journal has of it since it was started the last time.
    pub fn journal(&self) -> Outcome<String> {
        let id = property(UNIT, "InvocationID")?;
        let mut command = std::process::Command::new("journalctl");
        command.args(["--no-pager", "--sync"]);
        crate::host::process::output(&mut command, COMMAND_LIMIT)?;
        let mut command = std::process::Command::new("journalctl");
        command.args(["--no-pager", "--output=cat", "--all"]);
        command.arg(format!("_SYSTEMD_INVOCATION_ID={id}"));
        let output = crate::host::process::output(&mut command, COMMAND_LIMIT)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What it knows.
    pub fn status(&self) -> Outcome<Status> {
        Status::ask(Path::new(SOCKET))
    }

    /// Bytes of the log so far.
    pub fn log_size(&self) -> u64 {
        fs::metadata(LOG).map_or(0, |log| log.len())
    }

    /// The refusals after an offset of the log, of all agents.
    pub fn violations(&self, offset: u64) -> Outcome<Vec<Record>> {
        Violations::after(Path::new(LOG), offset)?.collect()
    }

    /// Now, for an agent.
    pub fn mark(&self, agent: &str) -> Outcome<Mark> {
        Ok(Mark {
            agent: agent.to_owned(),
            offset: self.log_size(),
            counters: self.status()?.counters(agent)?,
        })
    }

    /// The start of a run of the daemon's, before which the log had so many bytes.
    pub fn beginning(&self, agent: &str, offset: u64) -> Mark {
        Mark {
            agent: agent.to_owned(),
            offset,
            counters: Counters::default(),
        }
    }

    /// What happened to the agent since then, once every recorded event has its line.
    pub fn since(&self, mark: &Mark) -> Outcome<Happened> {
        let deadline = Instant::now() + COMMAND_LIMIT;
        loop {
            let counters = self.status()?.counters(&mark.agent)?.minus(mark.counters);
            counters.check()?;
            let mut violations = self.violations(mark.offset)?;
            violations.retain(|line| line.agent() == mark.agent);
            if violations.len() as u64 == counters.recorded {
                return Ok(Happened {
                    counters,
                    violations,
                });
            }
            ensure!(
                Instant::now() < deadline,
                "{counters:?} and {} lines: {violations:?}",
                violations.len()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}
