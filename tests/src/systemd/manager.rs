//! `systemctl`.

use std::process::{Command, Output};

use crate::{
    daemon::{COMMAND_LIMIT, message},
    ensure,
    error::Outcome,
    host::process,
};

/// Where units leave what they say, and what they read.
pub const DIRECTORY: &str = "/run/agentguard-tests";

/// A command of `systemctl`, which must succeed. Answers what it prints.
pub fn systemctl(arguments: &[&str]) -> Outcome<String> {
    let output = try_systemctl(arguments)?;
    ensure!(
        output.status.success(),
        "systemctl {}: {}: {}",
        arguments.join(" "),
        output.status,
        message(&output)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command of `systemctl`, which may fail.
pub fn try_systemctl(arguments: &[&str]) -> Outcome<Output> {
    let mut command = Command::new("systemctl");
    command.arg("--no-pager").args(arguments);
    process::output(&mut command, COMMAND_LIMIT)
}

/// A property of a unit, as `systemctl show` has it.
pub fn property(unit: &str, name: &str) -> Outcome<String> {
    systemctl(&["show", unit, "--property", name, "--value"])
}

/// The scopes of an agent's instances that systemd lists.
pub fn scopes(agent: &str) -> Outcome<Vec<String>> {
    let pattern = format!("agentguard-{agent}-*.scope");
    let list = systemctl(&[
        "list-units",
        "--type=scope",
        "--plain",
        "--no-legend",
        &pattern,
    ])?;
    let names = list.lines().filter_map(|line| line.split(' ').next());
    Ok(names.map(str::to_owned).collect())
}
