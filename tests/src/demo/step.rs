//! One thing that the agent does, beside the same thing done by an ordinary process.

use std::{
    net::Ipv4Addr,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use super::{
    hosts::Hosts,
    paint::{Paint, quote},
    tools,
};
use crate::{
    daemon::Daemon,
    ensure,
    error::{Error, Outcome},
    host::process,
};

/// The agent of the story.
pub(super) const AGENT: &str = "research-bot";
/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

/// What the story claims of a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    Works,
    /// Refused, with exactly one record of this operation, and this destination if it has one.
    Refused {
        operation: &'static str,
        destination: &'static str,
    },
}

/// A command of the agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) program: &'static str,
    pub(super) arguments: &'static [&'static str],
    /// The host that it goes to.
    pub(super) to: Ipv4Addr,
    pub(super) claim: Claim,
}

/// A run of a command, and how many packets it sent to the host.
struct Run {
    output: Output,
    packets: u64,
}

impl Step {
    /// Does it, shows it, and fails if it is not as claimed.
    pub(super) fn play(&self, hosts: &Hosts, daemon: &Daemon, directory: &Path) -> Outcome {
        let program = tools::find(self.program)?;
        let control = self.run(hosts, hosts.near.command(&program), directory)?;
        let moment = daemon.moment(AGENT)?;
        let run = self.run(
            hosts,
            daemon.run_as(AGENT, &hosts.near, &program),
            directory,
        )?;
        let records = daemon.since(&moment)?.violations;
        self.show(&run, &control);
        ensure!(
            control.output.status.success() && control.packets > 0,
            "without agentguard it should have worked: {}",
            last_line(&control.output)
        );
        match self.claim {
            Claim::Works => {
                ensure!(
                    run.output.status.success() && run.output.stdout == control.output.stdout,
                    "it should have worked for the agent, too"
                );
                ensure!(
                    records.is_empty(),
                    "nothing should have been recorded: {records:?}"
                );
            }
            Claim::Refused {
                operation,
                destination,
            } => {
                ensure!(!run.output.status.success(), "it should have been refused");
                ensure!(
                    run.packets == 0,
                    "{} packets should not have arrived",
                    run.packets
                );
                let [record] = records.as_slice() else {
                    return Err(Error::Failed(format!(
                        "not exactly one record: {records:?}"
                    )));
                };
                ensure!(
                    record.text("operation") == operation
                        && record.text("destination") == destination
                        && record.text("verdict") == "refused",
                    "another record than {operation} {destination}: {}",
                    record.0
                );
            }
        }
        Ok(())
    }

    fn run(&self, hosts: &Hosts, mut command: Command, directory: &Path) -> Outcome<Run> {
        let before = hosts.arrivals(self.to)?;
        command.args(self.arguments).current_dir(directory);
        let output = process::output(&mut command, LIMIT)?;
        Ok(Run {
            output,
            packets: hosts.arrivals(self.to)? - before,
        })
    }

    fn show(&self, run: &Run, control: &Run) {
        let verdict = if run.output.status.success() {
            Paint::Green.on("worked ")
        } else {
            Paint::Red.on("REFUSED")
        };
        let quoted = self.arguments.iter().map(|argument| quoted(argument));
        let command = quoted.fold(self.program.to_owned(), |line, word| line + " " + &word);
        println!("  {verdict}  {command}");
        quote(&format!("       {}", last_line(&run.output)));
        let packets = |count| format!("{count} packet{}", if count == 1 { "" } else { "s" });
        let control = if control.output.status.success() {
            format!("works, {}", packets(control.packets))
        } else {
            "DOES NOT WORK".to_owned()
        };
        let counted = format!(
            "           {} arrived at {} (without agentguard: {control})",
            packets(run.packets),
            self.to
        );
        println!("{}", Paint::Dim.on(&counted));
    }
}

/// What a command said last.
fn last_line(output: &Output) -> String {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let mut lines = stdout
        .lines()
        .chain(stderr.lines())
        .filter(|line| !line.trim().is_empty());
    lines.next_back().unwrap_or("(no output)").to_owned()
}

/// A word as one would type it.
fn quoted(word: &str) -> String {
    if word.contains([' ', '(', '[', '\'', '"']) {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}
