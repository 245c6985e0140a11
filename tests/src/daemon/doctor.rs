//! `agentguard doctor --json`.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::COMMAND_LIMIT;
use crate::{
    error::{Error, Outcome, failed},
    host::process,
};

/// What it calls the enforcement of rules for files by the kernel.
const FILES: &str = "files";

/// What a program `agentguard` says of this host.
#[derive(Debug)]
pub struct Doctor(Vec<Value>);

impl Doctor {
    /// Asks it.
    pub fn ask(program: &Path) -> Outcome<Self> {
        let mut command = Command::new(program);
        let output = process::output(command.args(["doctor", "--json"]), COMMAND_LIMIT)?;
        serde_json::from_slice(&output.stdout)
            .map(Self)
            .map_err(|error| Error::Failed(format!("doctor does not answer with JSON: {error}")))
    }

    /// Why the kernel does not enforce rules for files here; nothing if it does.
    pub fn files_are_not_enforced(&self) -> Outcome<Option<String>> {
        match self.0.iter().find(|found| text(found, "name") == FILES) {
            Some(found) if text(found, "state") == "active" => Ok(None),
            Some(found) => Ok(Some(format!(
                "rules for files are not enforced by the kernel here: {}",
                text(found, "detail")
            ))),
            None => failed("doctor does not say how rules for files are enforced"),
        }
    }

    /// What is missing without which nothing can be enforced; nothing if nothing is.
    pub fn missing(&self) -> Option<String> {
        let mut needed = self.0.iter().filter(|found| text(found, "name") != FILES);
        let missing = needed.find(|found| text(found, "state") == "unsupported")?;
        let (name, detail) = (text(missing, "name"), text(missing, "detail"));
        Some(format!("{name}: {detail}"))
    }
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of.get(field).and_then(Value::as_str).unwrap_or_default()
}
