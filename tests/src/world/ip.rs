//! Configuration of interfaces with iproute2.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::NetNs;
use crate::error::{Context, Outcome, failed};

/// Where `ip` is. The machines of the suite may have no `PATH`.
pub fn program() -> Outcome<PathBuf> {
    let known = ["/usr/sbin/ip", "/sbin/ip", "/bin/ip", "/usr/bin/ip"];
    match known.iter().map(PathBuf::from).find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => failed("the `ip` program (iproute2) is not installed"),
    }
}

/// Runs `ip` once, inside the namespace, with a batch of commands.
pub fn batch(inside: &NetNs, commands: &[String]) -> Outcome {
    let mut command = inside.command(program()?);
    command.args(["-batch", "-"]);
    run(command, commands)
}

fn run(mut command: Command, commands: &[String]) -> Outcome {
    let text = commands.join("\n") + "\n";
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("run ip")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes()).context("write to ip")?;
    }
    let output = child.wait_with_output().context("wait for ip")?;
    if output.status.success() {
        return Ok(());
    }
    failed(format!(
        "ip: {}: {}\n{text}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
