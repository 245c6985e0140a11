//! The violation log: flat JSON Lines, one record a line.
//!
//! ```text
//! Event + context → Record → line of at most 8,000 bytes → queue → thread → file
//! ```
//!
//! Whoever records never waits: [`LogHandle`] puts a line into a bounded queue, and one thread
//! writes it. What could not be written is counted, and the log itself says how much it was.
//! `docs/violation-log.md` describes the records.

mod batch;
mod clock;
pub mod escape;
mod file;
mod kinds;
mod limit;
mod queue;
mod record;
mod socket;
mod violation;
mod writer;

use std::{io, path::PathBuf};

pub use self::{
    clock::Clock,
    file::LogFile,
    kinds::{DaemonEvent, Growth},
    limit::{MAX_LINE, render},
    queue::{LogCounters, LogHandle},
    record::{Body, Record},
    violation::{RuleRef, Violation, ViolationContext},
    writer::{LogThread, spawn, spawn_with_capacity},
};

/// Why the violation log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The directory of the log cannot be made.
    #[error("cannot create the log directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something that is not a regular file is in the log's place.
    #[error(
        "the log {path} is a {found}, not a regular file: remove it or name another with --log"
    )]
    NotAFile {
        /// The log.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The log cannot be opened.
    #[error("cannot open the log {path}: {source}")]
    Open {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The time since boot cannot be read.
    #[error("cannot read CLOCK_BOOTTIME: {0}; Linux 2.6.39 or later is needed")]
    Clock(io::Error),
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes the log: {0}")]
    Thread(io::Error),
}
