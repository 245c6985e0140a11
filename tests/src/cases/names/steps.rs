//! Steps that several stories about names share.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde_json::Value;

use crate::{
    daemon::{Daemon, Record},
    ensure,
    error::{Error, Outcome},
    harness::Stage,
    host::process::output,
    probe::Reading,
};

/// How long a command may take.
const LIMIT: Duration = Duration::from_mins(1);

/// The name server that everybody is told to ask.
pub(super) const SERVER: &str = "198.51.100.53:53";
/// The port of the services.
pub(super) const PORT: &str = "7001";

/// A scope that allows these, as they are written in the file: quoted, or tables.
pub(super) fn allowing(agent: &str, rules: &[&str]) -> String {
    format!(
        "[agent]\nname = \"{agent}\"\n\n[network]\nallow = [{}]\n",
        rules.join(", ")
    )
}

/// Bytes that services got at an address and port.
pub(super) fn bytes(stage: &Stage, address: IpAddr, port: u16) -> Outcome<u64> {
    let at = SocketAddr::new(address, port);
    let (one, other) = (&stage.internet()?.services, &stage.world.services);
    Ok(one.tally(at).bytes + other.tally(at).bytes)
}

/// Finds a name as an agent and connects to it.
pub(super) fn connect(stage: &Stage, daemon: &Daemon, agent: &str, name: &str) -> Outcome<Reading> {
    stage.try_tagged(daemon, agent, &["name-tcp", SERVER, name, PORT])
}

/// Connects to an address as an agent, without asking.
pub(super) fn connect_to(
    stage: &Stage,
    daemon: &Daemon,
    agent: &str,
    to: &str,
) -> Outcome<Reading> {
    stage.try_tagged(daemon, agent, &["tcp", to])
}

/// The names that `status` says an agent has learned and that have not ended.
pub(super) fn learned(daemon: &Daemon, agent: &str) -> Outcome<Vec<String>> {
    let mut command = daemon.command(&["status", agent, "--json"]);
    let printed = output(&mut command, LIMIT)?;
    let status: Value = serde_json::from_slice(&printed.stdout)
        .map_err(|error| Error::Failed(format!("status does not print JSON: {error}")))?;
    let names = status.get("names").and_then(Value::as_array);
    let names = names.ok_or_else(|| Error::Failed(format!("status has no names: {status}")))?;
    let is_alive = |name: &&Value| name.get("seconds").and_then(Value::as_u64) > Some(0);
    Ok(names
        .iter()
        .filter(is_alive)
        .filter_map(|name| name.get("name")?.as_str())
        .map(str::to_owned)
        .collect())
}

/// Whether a name is this one, or what apt asks before it.
fn is_of(asked: &str, name: &str) -> bool {
    let asked = asked.strip_prefix("_http._tcp.").unwrap_or(asked);
    asked.eq_ignore_ascii_case(name)
}

/// Whether every record is of a question for this name.
pub(super) fn are_of(records: &[Record], name: &str) -> Outcome {
    ensure!(!records.is_empty(), "there is no record of {name}");
    for record in records {
        ensure!(
            record.text("operation") == "resolve"
                && is_of(record.text("name"), name)
                && record.text("reason") == "no-rule",
            "it is not about {name}: {}",
            record.0
        );
    }
    Ok(())
}
