//! `agentguard status --json`.

use std::path::Path;

use serde_json::Value;

use super::control;
use crate::{
    ensure,
    error::{Error, Outcome},
};

/// Counters of one agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Operations refused.
    pub refused: u64,
    /// Operations that observe mode let pass.
    pub observed: u64,
    /// Events that the kernel handed over.
    pub recorded: u64,
    /// Packets whose refusal is recorded already.
    pub repeated: u64,
    /// Events for which there was no room.
    pub lost: u64,
}

impl Counters {
    /// By how much they grew.
    #[must_use]
    pub const fn minus(self, before: Self) -> Self {
        Self {
            refused: self.refused.saturating_sub(before.refused),
            observed: self.observed.saturating_sub(before.observed),
            recorded: self.recorded.saturating_sub(before.recorded),
            repeated: self.repeated.saturating_sub(before.repeated),
            lost: self.lost.saturating_sub(before.lost),
        }
    }

    /// Nothing is refused or observed without being recorded, repeated or lost.
    pub fn check(self) -> Outcome {
        ensure!(
            self.refused + self.observed == self.recorded + self.repeated + self.lost,
            "refused + observed is not recorded + repeated + lost: {self:?}"
        );
        Ok(())
    }
}

/// The whole answer.
#[derive(Clone, Debug)]
pub struct Status {
    value: Value,
    /// Records that could not be written to the log.
    pub unwritten: u64,
}

impl Status {
    /// `GET /v1/status`.
    pub fn ask(socket: &Path) -> Outcome<Self> {
        Self::parse(control::ask(socket, "GET /v1/status")?.as_bytes())
    }

    /// From JSON.
    pub fn parse(json: &[u8]) -> Outcome<Self> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| Error::Failed(format!("status is not JSON: {error}")))?;
        let unwritten = find(&value, "unwritten")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        Ok(Self { value, unwritten })
    }

    /// A number that is said of the daemon.
    pub fn number(&self, name: &str) -> Outcome<u64> {
        let number = self.value.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| Error::Failed(format!("status has no {name}: {}", self.value)))
    }

    /// What it says of an agent.
    pub fn agent(&self, name: &str) -> Option<&Value> {
        let agents = self.value.get("agents")?.as_array()?;
        agents
            .iter()
            .find(|agent| agent.get("name").and_then(Value::as_str) == Some(name))
    }

    /// The counters of an agent.
    pub fn counters(&self, agent: &str) -> Outcome<Counters> {
        let value = self.agent(agent).ok_or_else(|| {
            Error::Failed(format!("status does not know {agent}: {}", self.value))
        })?;
        let counter = |name: &str| {
            find(value, name)
                .and_then(Value::as_u64)
                .ok_or_else(|| Error::Failed(format!("status has no {name}: {value}")))
        };
        Ok(Counters {
            refused: counter("refused")?,
            observed: counter("observed")?,
            recorded: counter("recorded")?,
            repeated: counter("repeated")?,
            lost: counter("lost")?,
        })
    }
}

/// A field of the object or of an object directly in it.
fn find<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object
        .get(field)
        .or_else(|| object.values().find_map(|inner| inner.get(field)))
}
