//! `cargo xtask test`: unit and property tests, and the suite on real kernels.

mod machines;
mod outcome;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result};
use nix::unistd::geteuid;

use self::outcome::Outcome;
use crate::{
    host::{self, Profile, Programs},
    process::{self, Job},
};

/// Which suites to run, and which of their cases.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) unit: bool,
    pub(crate) native: bool,
    /// The names of the machines.
    pub(crate) machines: Vec<String>,
    pub(crate) filter: Option<String>,
}

/// Runs the suites, one after another but for the machines, and sums up.
pub(crate) fn run(selection: &Selection, programs: &Programs) -> Result<ExitCode> {
    let filter = selection.filter.as_deref();
    let mut outcomes = Vec::new();
    let mut add = |name: String, suite: &dyn Fn(&mut Outcome) -> Result<()>| -> Result<()> {
        println!("test: {name}");
        let mut outcome = Outcome::new(name);
        let result = suite(&mut outcome);
        process::check_interrupted()?;
        outcome.error = result.err().map(|error| format!("{error:#}"));
        outcomes.push(outcome);
        Ok(())
    };
    if selection.unit {
        add("unit".to_owned(), &|outcome| unit(outcome, filter))?;
    }
    if selection.native {
        add("native".to_owned(), &|outcome| {
            native(outcome, filter, programs)
        })?;
    }
    outcomes.extend(machines::run(&selection.machines, filter, programs)?);
    Ok(summarise(&outcomes))
}

fn unit(outcome: &mut Outcome, filter: Option<&str>) -> Result<()> {
    let mut command = host::cargo(Profile::Quick, "test")?;
    command
        .args(["--workspace", "--no-fail-fast", "--quiet"])
        .args(filter);
    // One line a test: those that are ignored say why.
    command.args(["--", "--format=pretty"]);
    each_line(&mut command, |line| outcome.read_harness(line))
}

fn native(outcome: &mut Outcome, filter: Option<&str>, programs: &Programs) -> Result<()> {
    let suite = programs.get("agentguard-tests")?;
    let mut command = as_root(suite);
    command
        .args(filter)
        .arg("--agentguard")
        .arg(programs.get("agentguard")?);
    let mut closed = false;
    let result = each_line(&mut command, |line| closed |= outcome.read_suite(line));
    finish_suite(closed, result)
}

/// A suite must say how it ended, and its exit status must agree.
fn finish_suite(closed: bool, result: Result<()>) -> Result<()> {
    result?;
    if !closed {
        anyhow::bail!("the suite ended without its closing line");
    }
    Ok(())
}

/// A command that runs as root, through sudo if need be.
pub(crate) fn as_root(program: &Path) -> Command {
    if geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    // Without a password or not at all: there is nobody to ask.
    command.arg("-n").arg(program);
    command
}

/// Runs a command that must succeed, printing its output and showing each line to `read`.
fn each_line(command: &mut Command, mut read: impl FnMut(&str)) -> Result<()> {
    let mut job = Job::start(command.stdout(Stdio::piped()))?;
    let stdout = job.child().stdout.take().context("no standard output")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("cannot read a suite's output")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        read(&line);
    }
    job.finish()
}

fn summarise(outcomes: &[Outcome]) -> ExitCode {
    println!();
    for outcome in outcomes {
        for skip in &outcome.skips {
            println!("skipped: {}: {skip}", outcome.name);
        }
    }
    for Outcome {
        name,
        failures,
        last_words,
        ..
    } in outcomes
    {
        for line in last_words {
            println!("{name}, at last: {line}");
        }
        for failure in failures {
            println!("failed: {name}: {failure}");
        }
    }
    for outcome in outcomes {
        println!("{outcome}");
    }
    let sum = |count: fn(&Outcome) -> u32| outcomes.iter().map(count).sum::<u32>();
    // A suite that broke counts as one failure, beside those of its cases.
    let broken = |outcome: &Outcome| u32::from(outcome.failed == 0 && outcome.error.is_some());
    println!(
        "{} passed, {} failed, {} skipped",
        sum(|outcome| outcome.passed),
        sum(|outcome| outcome.failed) + outcomes.iter().map(broken).sum::<u32>(),
        sum(|outcome| outcome.skipped),
    );
    if outcomes.iter().all(Outcome::good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
