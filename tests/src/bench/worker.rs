//! A worker, as its master sees it.

use std::{
    fmt,
    io::{BufRead, BufReader, Lines, Write},
    process::{ChildStdout, Command, Stdio},
    time::Duration,
};

use super::operation::Operation;
use crate::{
    error::{Context, Error, Outcome, failed},
    host::process::Running,
};

/// The argument that makes the program a worker.
pub const WORKER: &str = "worker";

/// A running worker. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    child: Running,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts a command that is a worker, and waits until its sockets are open.
    pub(super) fn start(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Running::start(&mut command)?;
        let Some(output) = child.0.stdout.take() else {
            return failed("a worker has no standard output");
        };
        let mut worker = Self {
            child,
            answers: BufReader::new(output).lines(),
        };
        match worker.answer()?.as_str() {
            "ready" => Ok(worker),
            other => failed(format!("a worker is not ready, it says {other}")),
        }
    }

    /// How long so many operations take.
    pub(super) fn measure(&mut self, operation: Operation, count: u64) -> Outcome<Duration> {
        self.ask(format_args!("{operation} {count}"))
            .map(Duration::from_nanos)
    }

    /// The number that a worker answers to a line.
    pub(super) fn ask(&mut self, line: impl fmt::Display) -> Outcome<u64> {
        let Some(input) = &mut self.child.0.stdin else {
            return failed("a worker has no standard input");
        };
        writeln!(input, "{line}").context("speak to a worker")?;
        let answer = self.answer()?;
        answer
            .parse()
            .map_err(|_| Error::Failed(format!("a worker answers {answer}")))
    }

    fn answer(&mut self) -> Outcome<String> {
        match self.answers.next() {
            Some(line) => line.context("listen to a worker"),
            None => failed("a worker ended; it said why on standard error"),
        }
    }
}
