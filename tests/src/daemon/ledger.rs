//! What the lines of the log add up to.

use std::{collections::HashMap, fs, path::Path};

use super::log::{Lines, Record};
use crate::error::Outcome;

/// The sums, over the whole log.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    violations: HashMap<String, u64>,
    /// Events that the kernel had no room for.
    pub lost: u64,
    /// Packets whose refusal is recorded already.
    pub repeated: u64,
    /// Records that could not be written.
    pub unwritten: u64,
}

impl Ledger {
    /// Lines of kind `violation` for an agent.
    pub fn violations(&self, agent: &str) -> u64 {
        self.violations.get(agent).copied().unwrap_or_default()
    }

    fn add(&mut self, line: &Record) {
        let number = |field| line.number(field).unwrap_or_default();
        match line.text("kind") {
            "violation" => *self.violations.entry(line.agent().to_owned()).or_default() += 1,
            "loss" => self.lost += number("lost"),
            "repeat" => self.repeated += number("repeated"),
            "unwritten" => self.unwritten += number("unwritten"),
            _ => {}
        }
    }
}

/// A ledger that grows with the log: each line is read once, since an emulated machine takes minutes to
/// read the lines of a flood.
#[derive(Debug, Default)]
pub(super) struct Book {
    ledger: Ledger,
    /// Bytes of the log that are in the ledger.
    offset: u64,
}

impl Book {
    /// Adds what has come since.
    pub(super) fn update(&mut self, log: &Path) -> Outcome<&Ledger> {
        if fs::metadata(log).map_or(0, |log| log.len()) < self.offset {
            // Another file has its name.
            *self = Self::default();
        }
        let mut lines = Lines::after(log, self.offset)?;
        for line in &mut lines {
            self.ledger.add(&line?);
        }
        self.offset += lines.read();
        Ok(&self.ledger)
    }
}
