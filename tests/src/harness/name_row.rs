//! A case about names that is a line of a table.

use std::net::IpAddr;

use super::{
    Stage,
    row::{control_failed, one},
    verdict,
};
use crate::{ensure, error::Outcome, probe::Reading};

/// One technique with one name.
#[derive(Clone, Copy, Debug)]
pub struct NameRow {
    /// The agent whose scope counts: a scope file of the group.
    pub agent: &'static str,
    /// Technique and arguments. `%dev` becomes the number of the veth device.
    pub probe: &'static [&'static str],
    /// Where it can be seen if nobody refuses.
    pub far: Far,
    /// What must happen to the agent.
    pub expect: NameExpect,
    /// Whether a kernel may lack it.
    pub optional: bool,
}

/// Where a technique can be seen.
#[derive(Clone, Copy, Debug)]
pub enum Far {
    /// These bytes, such as a label of a name, are in a packet that arrives, whatever its destination.
    Says(&'static str),
    /// A packet arrives at this address.
    At(IpAddr),
    /// A service at this address and port gets bytes on a connection.
    Bytes(IpAddr, u16),
    /// Nowhere.
    Nowhere,
}

/// Facts of a probe, and what they must be.
pub(super) type Facts = &'static [(&'static str, &'static str)];

/// What must happen to the agent.
#[derive(Clone, Copy, Debug)]
pub enum NameExpect {
    /// Everything works and is seen at the far side, the probe finds these facts, nothing is recorded.
    Works(Facts),
    /// Every call succeeds and the probe finds these facts; nothing is seen, nothing is recorded.
    Contained(Facts),
    /// Likewise, with one record.
    Declined(Facts, NameExpected),
    /// Everything works and is seen, with one record.
    Observed(Facts, NameExpected),
    /// This call fails so, nothing is seen, one record.
    Refused(&'static str, &'static str, NameExpected),
}

/// What the one record must say.
#[derive(Clone, Copy, Debug)]
pub struct NameExpected {
    /// `resolve`, `connect`, `send` or `tls`.
    pub operation: &'static str,
    /// `no-rule`, `rule`, `rebinding`, `question`, `no-resolver` or `server-name`.
    pub reason: &'static str,
    /// The rule as written; empty where there is none.
    pub rule: &'static str,
    /// Further fields. Upper and lower case are the same.
    pub fields: Facts,
}

impl NameRow {
    /// Untagged: every call works and the far side sees it.
    pub fn control(&self, stage: &Stage) -> Outcome {
        stage.world.settle()?;
        let before = self.seen(stage)?;
        let reading = stage.try_untagged(&self.words(stage)?)?;
        if let Some(failed) = reading.first_error() {
            return control_failed(self.optional, self.probe, failed, &reading);
        }
        stage.world.settle()?;
        ensure!(
            matches!(self.far, Far::Nowhere) || self.seen(stage)? > before,
            "untagged, nothing is seen of {:?}: {} {:?}",
            self.far,
            reading.summary(),
            reading.facts
        );
        Ok(())
    }

    /// As the agent: what the row expects.
    pub fn scenario(&self, stage: &Stage) -> Outcome {
        let daemon = stage.daemon()?;
        stage.world.settle()?;
        let (moment, before) = (daemon.moment(self.agent)?, self.seen(stage)?);
        let reading = stage.try_tagged(daemon, self.agent, &self.words(stage)?)?;
        stage.world.settle()?;
        let seen = self.seen(stage)? - before;
        let records = daemon.since(&moment)?.violations;
        let (agent, outcome) = (self.agent, reading.first_error());
        match &self.expect {
            NameExpect::Works(facts) => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                ensure!(
                    seen > 0 || matches!(self.far, Far::Nowhere),
                    "nothing is seen"
                );
                has_facts(&reading, facts)?;
                ensure!(records.is_empty(), "there are records: {records:?}");
            }
            NameExpect::Contained(facts) => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                has_facts(&reading, facts)?;
                self.nothing_is_seen(seen)?;
                ensure!(records.is_empty(), "there are records: {records:?}");
            }
            NameExpect::Declined(facts, expected) => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                has_facts(&reading, facts)?;
                self.nothing_is_seen(seen)?;
                verdict::check_name(stage, agent, "refused", expected, one(&records)?)?;
            }
            NameExpect::Observed(facts, expected) => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                ensure!(
                    seen > 0 || matches!(self.far, Far::Nowhere),
                    "nothing is seen"
                );
                has_facts(&reading, facts)?;
                verdict::check_name(stage, agent, "observed", expected, one(&records)?)?;
            }
            NameExpect::Refused(step, error, expected) => {
                self.fails(&reading, step, error)?;
                self.nothing_is_seen(seen)?;
                verdict::check_name(stage, agent, "refused", expected, one(&records)?)?;
            }
        }
        Ok(())
    }

    fn words(&self, stage: &Stage) -> Outcome<Vec<&'static str>> {
        super::row::expanded(self.probe, stage)
    }

    fn fails(&self, reading: &Reading, step: &str, error: &str) -> Outcome {
        ensure!(
            reading.first_error() == Some((step, error)),
            "{step} of {} should fail with {error}: {} {:?}",
            self.probe[0],
            reading.summary(),
            reading.facts
        );
        Ok(())
    }

    fn nothing_is_seen(&self, seen: u64) -> Outcome {
        ensure!(
            seen == 0,
            "{seen} packets or bytes are seen of {:?}",
            self.far
        );
        Ok(())
    }

    fn seen(&self, stage: &Stage) -> Outcome<u64> {
        Ok(match self.far {
            Far::Says(text) => stage.internet()?.says(&stage.world, text)?,
            Far::At(address) => stage.world.arrivals(address),
            Far::Bytes(address, port) => {
                let at = (address, port).into();
                let (one, other) = (&stage.internet()?.services, &stage.world.services);
                one.tally(at).bytes + other.tally(at).bytes
            }
            Far::Nowhere => 0,
        })
    }
}

/// Whether the probe found these facts.
fn has_facts(reading: &Reading, facts: Facts) -> Outcome {
    for (fact, value) in facts {
        let seen = reading.facts.get(*fact).map(|seen| match seen.as_str() {
            Some(text) => text.to_owned(),
            None => seen.to_string(),
        });
        ensure!(
            seen.as_deref() == Some(*value),
            "{fact} is {seen:?} and not {value}: {} {:?}",
            reading.summary(),
            reading.facts
        );
    }
    Ok(())
}
