//! What a technique tells about itself.

use std::io;

use nix::errno::Errno;
use serde_json::{Map, Value, json};

use crate::error::{Error, Outcome};

/// Why a technique ends early.
#[derive(Debug)]
pub enum Stop {
    /// A call was answered with an error, which the report holds.
    Refused,
    /// Another process reports.
    Silent,
    /// The technique could not be tried.
    Broken(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<nix::Error> for Stop {
    fn from(error: nix::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// How a technique goes on.
pub type Step<T = ()> = Result<T, Stop>;

/// The calls of a technique in order, and facts that it found.
#[derive(Debug, Default)]
pub struct Report {
    steps: Vec<(String, String)>,
    facts: Map<String, Value>,
}

impl Report {
    /// Notes how a call ended, and ends the technique if it failed.
    pub fn step<T>(&mut self, call: &str, result: io::Result<T>) -> Step<T> {
        self.note(call, result).ok_or(Stop::Refused)
    }

    /// Notes how a call ended.
    pub fn note<T>(&mut self, call: &str, result: io::Result<T>) -> Option<T> {
        let name = match &result {
            Ok(_) => "ok".to_owned(),
            Err(error) => name_of(error),
        };
        self.steps.push((call.to_owned(), name));
        result.ok()
    }

    /// Notes a fact.
    pub fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Adds what another process found.
    pub fn merge(&mut self, reading: Reading) {
        self.steps.extend(reading.steps);
        self.facts.extend(reading.facts);
    }

    /// As one line.
    pub fn to_json(&self) -> String {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|(call, result)| json!([call, result]))
            .collect();
        json!({ "steps": steps, "facts": self.facts }).to_string()
    }
}

/// `EPERM` and its like.
pub(super) fn name_of(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("{:?}", Errno::from_raw(number)),
        None => error.to_string(),
    }
}

/// A report that was read back.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Call and result (`ok`, or the name of the error).
    pub steps: Vec<(String, String)>,
    /// Facts.
    pub facts: Map<String, Value>,
}

impl Reading {
    /// The last line of a probe's output.
    pub fn parse(output: &str) -> Outcome<Self> {
        let line = output.lines().last().unwrap_or_default();
        let broken = || Error::Failed(format!("the probe's report is not understood: {output:?}"));
        let value: Value = serde_json::from_str(line).map_err(|_| broken())?;
        let steps = value
            .get("steps")
            .and_then(Value::as_array)
            .ok_or_else(broken)?;
        let steps: Option<_> = steps
            .iter()
            .map(|step| {
                Some((
                    step.get(0)?.as_str()?.to_owned(),
                    step.get(1)?.as_str()?.to_owned(),
                ))
            })
            .collect();
        let facts = value.get("facts").and_then(Value::as_object).cloned();
        Ok(Self {
            steps: steps.ok_or_else(broken)?,
            facts: facts.unwrap_or_default(),
        })
    }

    /// The first call that did not succeed, with its error.
    pub fn first_error(&self) -> Option<(&str, &str)> {
        let failed = self.steps.iter().find(|(_, result)| result != "ok");
        failed.map(|(call, result)| (call.as_str(), result.as_str()))
    }

    /// A fact that is a number.
    pub fn number(&self, fact: &str) -> Outcome<u64> {
        self.facts
            .get(fact)
            .and_then(Value::as_u64)
            .ok_or_else(|| Error::Failed(format!("the probe does not tell {fact}: {self:?}")))
    }

    /// `socket=ok connect=EPERM`.
    pub fn summary(&self) -> String {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|(call, result)| format!("{call}={result}"))
            .collect();
        steps.join(" ")
    }
}
