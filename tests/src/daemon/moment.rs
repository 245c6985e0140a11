//! What happened to an agent between two moments.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use super::{COMMAND_LIMIT, Counters, Daemon, Record};
use crate::{ensure, error::Outcome};

/// A point in the life of an agent: [`Daemon::since`] says what happened after it.
#[derive(Clone, Debug)]
pub struct Moment {
    agent: String,
    offset: u64,
    counters: Counters,
    unwritten: u64,
}

impl Moment {
    /// The start of the daemon's first run.
    #[must_use]
    pub fn rewound(self) -> Self {
        Self {
            offset: 0,
            counters: Counters::default(),
            unwritten: 0,
            ..self
        }
    }
}

/// What happened to an agent since a [`Moment`].
#[derive(Clone, Debug)]
pub struct Happened {
    /// By how much its counters grew.
    pub counters: Counters,
    /// The lines of kind `violation`.
    pub violations: Vec<Record>,
}

impl Daemon {
    /// Now, for an agent.
    pub fn moment(&self, agent: &str) -> Outcome<Moment> {
        let (counters, unwritten) = self.quiet(agent)?;
        Ok(Moment {
            agent: agent.to_owned(),
            offset: fs::metadata(self.log()).map_or(0, |log| log.len()),
            counters,
            unwritten,
        })
    }

    /// What happened to the agent since then, once every recorded event has its line or has found no
    /// room to wait for one.
    pub fn since(&self, moment: &Moment) -> Outcome<Happened> {
        let (counters, unwritten) = self.quiet(&moment.agent)?;
        let (counters, unwritten) = (
            counters.minus(moment.counters),
            unwritten - moment.unwritten,
        );
        counters.check()?;
        let mut lines = self.violations(moment.offset)?;
        lines.retain(|line| line.agent() == moment.agent);
        ensure!(
            lines.len() as u64 + unwritten == counters.recorded,
            "the kernel recorded {} events for {}, the log has {} lines, and {unwritten} are unwritten",
            counters.recorded,
            moment.agent,
            lines.len()
        );
        Ok(Happened {
            counters,
            violations: lines,
        })
    }

    /// Waits until the agent's counters stand still and everything they count is in the log, or counted
    /// as unwritten. Answers both counts.
    fn quiet(&self, agent: &str) -> Outcome<(Counters, u64)> {
        let deadline = Instant::now() + COMMAND_LIMIT;
        loop {
            let before = self.status()?.counters(agent)?;
            let written = self.ledger()?.violations(agent);
            let status = self.status()?;
            if before == status.counters(agent)? && written + status.unwritten >= before.recorded {
                return Ok((before, status.unwritten));
            }
            ensure!(
                Instant::now() < deadline,
                "{agent} does not come to rest: {before:?}, {written} lines"
            );
            thread::sleep(Duration::from_millis(3));
        }
    }
}
