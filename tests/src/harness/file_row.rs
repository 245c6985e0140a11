//! A case about files that is a line of a table.

use super::{
    Stage,
    row::{control_failed, one},
    verdict,
};
use crate::{ensure, error::Outcome, host::tree::Snapshot, probe::Reading};

/// One technique against the tree. `$tree` stands for it in all texts.
#[derive(Clone, Copy, Debug)]
pub struct FileRow {
    /// The agent whose scope counts: a scope file of the group.
    pub agent: &'static str,
    /// Technique and arguments.
    pub probe: &'static [&'static str],
    /// What must happen to the agent.
    pub expect: FileExpect,
    /// Whether a kernel may lack it.
    pub optional: bool,
}

/// What must happen to the agent.
#[derive(Clone, Copy, Debug)]
pub enum FileExpect {
    /// Everything works and has its effect, nothing is recorded.
    Permitted,
    /// Everything works and has its effect, these records say what would have been refused: executing asks
    /// once for the program and once for its code.
    Observed(&'static [FileExpected]),
    /// A call fails, the technique has no effect, one record.
    Refused {
        /// The call.
        call: &'static str,
        /// `EACCES`, or `EXDEV` where the caller is to copy instead.
        error: &'static str,
        /// The record.
        record: FileExpected,
    },
}

/// What the one record must say.
#[derive(Clone, Copy, Debug)]
pub struct FileExpected {
    /// `open`, `exec`, `map`, `create`, `remove`, `rename`, `link`, `truncate` or `attributes`.
    pub operation: &'static str,
    /// The path as the host sees it. A `*` at its end is what cannot be known before.
    pub path: &'static str,
    /// `read`, `write` or `exec`.
    pub access: &'static str,
    /// `no-rule`, `rule`, `not-mounted`, `too-deep`, `folded`, `renamed` or `gains`.
    pub reason: &'static str,
    /// The rule as written; empty where there is none.
    pub rule: &'static str,
}

/// A technique's report, and the tree before and after it.
struct Tried {
    reading: Reading,
    before: Snapshot,
    after: Snapshot,
}

impl Tried {
    /// What it got to see, and what became different: nothing if it had no effect.
    fn effect(&self) -> Option<String> {
        for fact in ["content", "ran"] {
            if let Some(value) = self.reading.facts.get(fact) {
                return Some(format!("{fact} {value}"));
            }
        }
        let paths = self.before.keys().chain(self.after.keys());
        let differs = |path: &&std::path::PathBuf| self.before.get(*path) != self.after.get(*path);
        let path = paths.into_iter().find(differs)?;
        Some(format!("{} has changed", path.display()))
    }
}

impl FileRow {
    /// Untagged: every call works and has its effect.
    pub fn control(&self, stage: &Stage) -> Outcome {
        let tried = self.attempt(stage, None)?;
        if let Some(error) = tried.reading.first_error() {
            return control_failed(self.optional, self.probe, error, &tried.reading);
        }
        ensure!(
            tried.effect().is_some(),
            "untagged, it has no effect: {}",
            tried.reading.summary()
        );
        Ok(())
    }

    /// As the agent: what the row expects.
    pub fn scenario(&self, stage: &Stage) -> Outcome {
        let daemon = stage.daemon()?;
        let moment = daemon.moment(self.agent)?;
        let tried = self.attempt(stage, Some(self.agent))?;
        let happened = daemon.since(&moment)?;
        let records = &happened.violations;
        let (reading, effect) = (&tried.reading, tried.effect());
        if let FileExpect::Refused {
            call,
            error,
            record,
        } = &self.expect
        {
            ensure!(
                reading.first_error() == Some((*call, *error)),
                "{call} should be refused with {error}: {}",
                reading.summary()
            );
            ensure!(effect.is_none(), "refused, and yet {effect:?}");
            return verdict::check_file(stage, self.agent, "refused", record, one(records)?);
        }
        ensure!(
            reading.first_error().is_none(),
            "refused: {}",
            reading.summary()
        );
        ensure!(effect.is_some(), "it has no effect: {}", reading.summary());
        if let FileExpect::Observed(expected) = &self.expect {
            ensure!(
                records.len() == expected.len(),
                "{} records instead of {}: {records:?}",
                records.len(),
                expected.len()
            );
            return expected
                .iter()
                .zip(records)
                .try_for_each(|(expected, record)| {
                    verdict::check_file(stage, self.agent, "observed", expected, record)
                });
        }
        ensure!(
            records.is_empty(),
            "{} records: {:?}",
            records.len(),
            records[0].0
        );
        Ok(())
    }

    fn attempt(&self, stage: &Stage, agent: Option<&str>) -> Outcome<Tried> {
        let tree = stage.tree()?;
        tree.fill()?;
        let before = tree.snapshot()?;
        let reading = stage.perform(agent, self.probe)?;
        let after = tree.snapshot()?;
        Ok(Tried {
            reading,
            before,
            after,
        })
    }
}
