//! The agent's process, one step after another.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    ensure,
    error::{Context, Error, Outcome, failed},
    host::process::Running,
};

/// Longer than any step takes.
const LIMIT: Duration = Duration::from_mins(1);

/// A running agent. It waits before each step.
#[derive(Debug)]
pub(super) struct Turns {
    child: Running,
    lines: Receiver<String>,
}

impl Turns {
    /// Starts it.
    pub(super) fn start(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Running::start(&mut command)?;
        let Some(output) = child.0.stdout.take() else {
            return failed("the agent has no standard output");
        };
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// Has it take its next step, and answers what came of it for the agent: the name of an error, or nothing.
    pub(super) fn next(&mut self) -> Outcome<Option<String>> {
        match self.child.0.stdin.as_mut() {
            Some(input) => writeln!(input).context("let the agent go on")?,
            None => return failed("the agent has no standard input"),
        }
        let line = self.lines.recv_timeout(LIMIT);
        let line = line.map_err(|_| Error::Failed("the agent has ended or is silent".into()))?;
        let value: Value = serde_json::from_str(&line)
            .map_err(|error| Error::Failed(format!("the agent says {line}: {error}")))?;
        let error = value.get("error").and_then(Value::as_str);
        Ok(error.map(str::to_owned))
    }

    /// Lets it end, after its last step.
    pub(super) fn finish(mut self) -> Outcome {
        drop(self.child.0.stdin.take());
        let status = self.child.wait(LIMIT)?;
        ensure!(status.success(), "the agent ends with {status}");
        Ok(())
    }
}
