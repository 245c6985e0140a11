//! A probe that goes on until it is released.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    error::{Context, Error, Outcome, failed},
    host::process::Running,
    probe::Reading,
};

/// How long a probe may stay silent.
const LIMIT: Duration = Duration::from_mins(8);

/// A running probe: it writes `ready`, goes on until its standard input is closed, and reports.
#[derive(Debug)]
pub struct Interactive {
    child: Running,
    lines: Receiver<String>,
    /// What it said beside `ready` (the port on which it listens).
    pub detail: String,
}

impl Interactive {
    /// Starts it and waits until it is ready.
    pub fn start(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Running::start(&mut command)?;
        let Some(output) = child.0.stdout.take() else {
            return failed("the probe has no standard output");
        };
        let (send, lines) = mpsc::channel();
        let output: Lines<BufReader<ChildStdout>> = BufReader::new(output).lines();
        thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut probe = Self {
            child,
            lines,
            detail: String::new(),
        };
        let line = probe.line()?;
        match line.strip_prefix("ready") {
            Some(detail) => {
                detail.trim().clone_into(&mut probe.detail);
                Ok(probe)
            }
            None => failed(format!("the probe is not ready, it says {line}")),
        }
    }

    /// Has a session perform one more technique.
    pub fn ask(&mut self, technique: &[&str]) -> Outcome<Reading> {
        let Some(input) = self.child.0.stdin.as_mut() else {
            return failed("the session's standard input is closed");
        };
        writeln!(input, "{}", json!(technique)).context("ask a session")?;
        let reading = Reading::parse(&self.line()?)?;
        match reading.facts.get("broken") {
            Some(why) => failed(format!("the technique could not be tried: {why}")),
            None => Ok(reading),
        }
    }

    /// Lets it end and takes its report.
    pub fn finish(mut self) -> Outcome<Reading> {
        drop(self.child.0.stdin.take());
        let line = self.line()?;
        self.child.wait(LIMIT)?;
        Reading::parse(&line)
    }

    /// Waits for its own end and takes its report.
    pub fn report(mut self) -> Outcome<Reading> {
        let line = self.line()?;
        self.child.wait(LIMIT)?;
        Reading::parse(&line)
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Running {
        &mut self.child
    }

    fn line(&self) -> Outcome<String> {
        self.lines.recv_timeout(LIMIT).map_err(|_| {
            Error::Failed(format!(
                "the probe {} has ended or is silent",
                self.child.0.id()
            ))
        })
    }
}
