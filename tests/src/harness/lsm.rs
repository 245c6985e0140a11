//! Whether this kernel can enforce rules for files.

use std::process::Command;

use serde_json::Value;

use super::Options;
use crate::{
    daemon::COMMAND_LIMIT,
    error::{Error, Outcome, failed},
    host::{is_emulated, process},
};

/// What `agentguard doctor` calls it.
const NAME: &str = "files";

/// Why it cannot, in the words of `agentguard doctor`; nothing if it can.
///
/// The emulated machines must all be able to, so nothing is asked there: where they cannot, the daemon does
/// not start.
pub(super) fn absent(options: &Options) -> Outcome<Option<String>> {
    if is_emulated() {
        return Ok(None);
    }
    let mut command = Command::new(&options.agentguard);
    let output = process::output(command.args(["doctor", "--json"]), COMMAND_LIMIT)?;
    let found: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Failed(format!("doctor does not answer with JSON: {error}")))?;
    let text = |of: &Value, field: &str| {
        let text = of.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let protections = found.as_array().map(Vec::as_slice).unwrap_or_default();
    match protections.iter().find(|found| text(found, "name") == NAME) {
        Some(found) if text(found, "state") == "active" => Ok(None),
        Some(found) => Ok(Some(format!(
            "rules for files are not enforced by the kernel here: {}",
            text(found, "detail")
        ))),
        None => failed("doctor does not say how rules for files are enforced"),
    }
}
