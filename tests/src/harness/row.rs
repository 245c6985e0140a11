//! A case that is a line of a table.

use std::net::IpAddr;

use super::{Stage, verdict};
use crate::{
    daemon::Record,
    ensure,
    error::{Error, Outcome, failed},
    probe::Reading,
};

/// One technique against one destination.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The agent whose scope counts: a scope file of the group.
    pub agent: &'static str,
    /// Technique and arguments. `%dev` becomes the number of the veth device.
    pub probe: &'static [&'static str],
    /// Where packets arrive if nobody refuses. `None`: the calls alone tell.
    pub arrives: Option<IpAddr>,
    /// What must happen to the agent.
    pub expect: Expect,
    /// What must happen instead where BPF LSM works, if that is something else.
    pub under_lsm: Option<&'static Expect>,
    /// Whether a kernel may lack it.
    pub optional: bool,
}

/// What must happen to the agent.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// Everything works, nothing is recorded.
    Permitted,
    /// Everything works, one record says that it would have been refused.
    Observed(Expected),
    /// This call fails with EPERM, nothing arrives, one record.
    Refused(&'static str, Expected),
    /// The kernel does not tell the caller: every call works, nothing arrives, one record.
    Dropped(Expected),
}

/// What the one record must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// `connect`, `send`, `bind`, `socket` or `packet`.
    pub operation: &'static str,
    /// Address and port; empty for sockets.
    pub destination: &'static str,
    /// Name of the protocol.
    pub protocol: &'static str,
    /// `no-rule`, `rule` or `protocol`.
    pub reason: &'static str,
    /// The rule as written; empty where there is none.
    pub rule: &'static str,
}

impl Row {
    /// Untagged: every call works and the packets arrive.
    pub fn control(&self, stage: &Stage) -> Outcome {
        stage.world.settle()?;
        let before = self.arrivals(stage);
        let reading = stage.try_untagged(&self.words(stage)?)?;
        if let Some((call, error)) = reading.first_error() {
            return control_failed(self.optional, self.probe, (call, error), &reading);
        }
        stage.world.settle()?;
        ensure!(
            self.arrives.is_none() || self.arrivals(stage) > before,
            "untagged, nothing arrives at {:?}: {}",
            self.arrives,
            reading.summary()
        );
        Ok(())
    }

    /// As the agent: what the row expects.
    pub fn scenario(&self, stage: &Stage) -> Outcome {
        let daemon = stage.daemon()?;
        stage.world.settle()?;
        let (moment, before) = (daemon.moment(self.agent)?, self.arrivals(stage));
        let reading = stage.try_tagged(daemon, self.agent, &self.words(stage)?)?;
        stage.world.settle()?;
        let arrived = self.arrivals(stage) - before;
        let happened = daemon.since(&moment)?;
        let records = &happened.violations;
        let outcome = reading.first_error();
        let expect = match self.under_lsm {
            Some(expect) if stage.has_lsm()? => expect,
            _ => &self.expect,
        };
        match expect {
            Expect::Permitted => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                ensure!(arrived > 0 || self.arrives.is_none(), "nothing arrives");
                ensure!(
                    records.is_empty(),
                    "{} records: {:?}",
                    records.len(),
                    records[0].0
                );
            }
            Expect::Observed(expected) => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                ensure!(arrived > 0 || self.arrives.is_none(), "nothing arrives");
                verdict::check(stage, self.agent, "observed", expected, one(records)?)?;
            }
            Expect::Refused(step, expected) => {
                ensure!(
                    outcome == Some((*step, "EPERM")),
                    "{step} should be refused with EPERM: {}",
                    reading.summary()
                );
                self.nothing_arrives(stage, arrived)?;
                verdict::check(stage, self.agent, "refused", expected, one(records)?)?;
            }
            Expect::Dropped(expected) => {
                ensure!(outcome.is_none(), "refused: {}", reading.summary());
                self.nothing_arrives(stage, arrived)?;
                verdict::check(stage, self.agent, "refused", expected, one(records)?)?;
            }
        }
        Ok(())
    }

    fn words(&self, stage: &Stage) -> Outcome<Vec<&'static str>> {
        expanded(self.probe, stage)
    }

    fn nothing_arrives(&self, stage: &Stage, arrived: u64) -> Outcome {
        let Some(to) = self.arrives else {
            return Ok(());
        };
        ensure!(
            arrived == 0,
            "{arrived} packets arrive at {to}; since the beginning: {}",
            stage.world.history(to)
        );
        Ok(())
    }

    fn arrivals(&self, stage: &Stage) -> u64 {
        self.arrives.map_or(0, |to| stage.world.arrivals(to))
    }
}

/// The words of a technique, with the veth device where it is asked for.
pub(super) fn expanded(probe: &[&'static str], stage: &Stage) -> Outcome<Vec<&'static str>> {
    let index = stage.world.device_index()?.to_string();
    let device = stage.world.device();
    Ok(probe
        .iter()
        .map(|word| -> &'static str {
            if word.contains("%dev") {
                // A few bytes, once per case.
                word.replace("%dev", &format!("%{index}")).leak()
            } else if *word == "$device" {
                device.to_owned().leak()
            } else {
                word
            }
        })
        .collect())
}

/// A technique does not work untagged: the kernel may lack it, if the case says so.
pub(super) fn control_failed(
    optional: bool,
    probe: &[&str],
    (call, error): (&str, &str),
    reading: &Reading,
) -> Outcome {
    let missing = [
        "EPROTONOSUPPORT",
        "ESOCKTNOSUPPORT",
        "EAFNOSUPPORT",
        "ENOPROTOOPT",
        "ENOSYS",
        "ENOTTY",
        "EINVAL",
        "EOPNOTSUPP",
    ];
    if optional && missing.contains(&error) {
        let what = probe.first().copied().unwrap_or_default();
        return Err(Error::Skipped(format!(
            "this kernel has no {what}: {call} gave {error}"
        )));
    }
    failed(format!("untagged, it does not work: {}", reading.summary()))
}

/// The only record.
pub(super) fn one(records: &[Record]) -> Outcome<&Record> {
    match records {
        [record] => Ok(record),
        [] => failed("there is no record"),
        _ => {
            let shown: Vec<_> = records.iter().map(|record| record.0.to_string()).collect();
            failed(format!(
                "{} records instead of one: {}",
                records.len(),
                shown.join(" ")
            ))
        }
    }
}
