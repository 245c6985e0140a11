//! A case about sockets and processes that is a line of a table.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    Stage,
    row::{control_failed, one},
    verdict,
};
use crate::{
    ensure,
    error::{Outcome, failed},
    host::tree::Snapshot,
    probe::Reading,
};

/// One technique. In all texts `$tree`, `$sockets`, `$name`, `$device` and what witnesses are (`$stranger.pid`)
/// stand for themselves.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRow {
    /// The agent whose scope counts: a scope file of the group.
    pub agent: &'static str,
    /// Technique and arguments.
    pub probe: &'static [&'static str],
    /// What becomes of it untagged.
    pub untagged: Untagged,
    /// Where packets arrive if nobody refuses, where that is what the technique is for.
    pub arrives: Option<IpAddr>,
    /// What must happen to the agent.
    pub expect: ObjectExpect,
    /// Whether a kernel may lack it.
    pub optional: bool,
}

/// What becomes of a technique that nobody refuses.
#[derive(Clone, Copy, Debug)]
pub enum Untagged {
    /// Every call works and has its effect.
    Works,
    /// This call is answered with this error, which is not the one of a refusal: what it would do to the
    /// machine is not tried.
    Fails(&'static str, &'static str),
}

/// What must happen to the agent.
#[derive(Clone, Copy, Debug)]
pub enum ObjectExpect {
    /// The same as untagged, nothing is recorded.
    Permitted,
    /// The same as untagged, one record.
    Observed(ObjectExpected),
    /// A call fails with this error, the technique has no effect, one record.
    Refused {
        /// The call.
        call: &'static str,
        /// `EPERM`, `EACCES`, or what the call makes of it.
        error: &'static str,
        /// The record; some refusals have none.
        record: Option<ObjectExpected>,
    },
    /// The caller is not told: every call works, the technique has no effect, one record.
    Dropped(ObjectExpected),
}

/// What the one record must say.
#[derive(Clone, Copy, Debug)]
pub struct ObjectExpected {
    /// What was tried.
    pub operation: &'static str,
    /// Why not.
    pub reason: &'static str,
    /// The rule as written; empty where there is none.
    pub rule: &'static str,
    /// More fields. A `*` at the end of a text is what cannot be known before.
    pub fields: &'static [(&'static str, &'static str)],
}

/// A technique's report, and what could be seen from outside before and after it.
struct Tried {
    reading: Reading,
    before: Seen,
    after: Seen,
}

/// What can be seen from outside.
#[derive(Eq, PartialEq)]
struct Seen {
    /// Of what is on disk, if the technique is about that.
    tree: Option<Snapshot>,
    witnesses: BTreeMap<String, String>,
    arrived: u64,
}

impl Tried {
    /// What the technique got, and what became different: nothing if it had no effect.
    fn effect(&self) -> Option<String> {
        for fact in ["content", "ran", "effect"] {
            if let Some(value) = self.reading.facts.get(fact) {
                return Some(format!("{fact} {value}"));
            }
        }
        for (name, state) in &self.after.witnesses {
            if self.before.witnesses.get(name) != Some(state) {
                return Some(format!("{name} has seen {state}"));
            }
        }
        if self.before.arrived != self.after.arrived {
            return Some("packets arrive".into());
        }
        (self.before.tree != self.after.tree).then(|| "the tree has changed".into())
    }
}

impl ObjectRow {
    /// Untagged: every call works and has its effect, or is answered with its own error.
    pub fn control(&self, stage: &Stage) -> Outcome {
        let tried = self.attempt(stage, None)?;
        match (self.untagged, tried.reading.first_error()) {
            (Untagged::Fails(call, error), Some(seen)) if seen == (call, error) => Ok(()),
            (_, Some(seen)) => control_failed(self.optional, self.probe, seen, &tried.reading),
            (Untagged::Fails(call, error), None) => failed(format!(
                "untagged, {call} should give {error}: {}",
                tried.reading.summary()
            )),
            (Untagged::Works, None) => self.had_effect(&tried, "untagged"),
        }
    }

    /// Untagged, which leaves no record, and as the agent: what the row expects.
    pub fn verify(&self, stage: &Stage) -> Outcome {
        stage.call_witnesses()?;
        let daemon = stage.daemon()?;
        let moment = daemon.moment(self.agent)?;
        self.control(stage)?;
        let tried = self.attempt(stage, Some(self.agent))?;
        let records = daemon.since(&moment)?.violations;
        let check = |verdict: &str, expected: &ObjectExpected| {
            verdict::check_object(stage, self.agent, verdict, expected, one(&records)?)
        };
        match &self.expect {
            ObjectExpect::Permitted => {
                self.as_untagged(&tried)?;
                no_records(&records)
            }
            ObjectExpect::Observed(expected) => {
                self.as_untagged(&tried)?;
                check("observed", expected)
            }
            ObjectExpect::Refused {
                call,
                error,
                record,
            } => {
                let reading = &tried.reading;
                ensure!(
                    reading.first_error() == Some((*call, *error)),
                    "{call} should be refused with {error}: {}",
                    reading.summary()
                );
                had_no_effect(&tried)?;
                match record {
                    Some(expected) => check("refused", expected),
                    None => no_records(&records),
                }
            }
            ObjectExpect::Dropped(expected) => {
                let reading = &tried.reading;
                ensure!(
                    reading.first_error().is_none(),
                    "refused: {}",
                    reading.summary()
                );
                had_no_effect(&tried)?;
                check("refused", expected)
            }
        }
    }

    /// The same came of it as untagged.
    fn as_untagged(&self, tried: &Tried) -> Outcome {
        let (own, summary) = (tried.reading.first_error(), tried.reading.summary());
        match self.untagged {
            Untagged::Works => {
                ensure!(own.is_none(), "refused: {summary}");
                self.had_effect(tried, "permitted")
            }
            Untagged::Fails(call, error) => {
                ensure!(own == Some((call, error)), "not as untagged: {summary}");
                Ok(())
            }
        }
    }

    fn had_effect(&self, tried: &Tried, who: &str) -> Outcome {
        let effect = match self.arrives {
            Some(to) if tried.before.arrived == tried.after.arrived => {
                return failed(format!(
                    "{who}, nothing arrives at {to}: {}",
                    tried.reading.summary()
                ));
            }
            _ => tried.effect(),
        };
        ensure!(
            effect.is_some(),
            "{who}, it has no effect: {}",
            tried.reading.summary()
        );
        Ok(())
    }

    fn attempt(&self, stage: &Stage, agent: Option<&str>) -> Outcome<Tried> {
        if self.is_about_the_tree() {
            stage.tree()?.fill()?;
        }
        stage.call_witnesses()?;
        let before = self.look(stage)?;
        let reading = stage.perform(agent, self.probe)?;
        let after = self.look(stage)?;
        Ok(Tried {
            reading,
            before,
            after,
        })
    }

    fn is_about_the_tree(&self) -> bool {
        self.probe.iter().any(|word| word.contains("$tree"))
    }

    fn look(&self, stage: &Stage) -> Outcome<Seen> {
        let arrived = match self.arrives {
            Some(to) => {
                stage.world.settle()?;
                stage.world.arrivals(to)
            }
            None => 0,
        };
        let tree = if self.is_about_the_tree() {
            Some(stage.tree()?.snapshot()?)
        } else {
            None
        };
        Ok(Seen {
            tree,
            witnesses: stage.witnesses().states()?,
            arrived,
        })
    }
}

fn had_no_effect(tried: &Tried) -> Outcome {
    let effect = tried.effect();
    ensure!(effect.is_none(), "refused, and yet {effect:?}");
    Ok(())
}

fn no_records(records: &[crate::daemon::Record]) -> Outcome {
    ensure!(
        records.is_empty(),
        "{} records: {:?}",
        records.len(),
        records[0].0
    );
    Ok(())
}
