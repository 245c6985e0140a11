//! Path patterns: from text to the tables that [`agentguard_common::path`] decides by.
//!
//! ```text
//! text → Pattern → compile (positions, literals) → Compiled
//!                     └→ globs (automaton) ────────┘
//! ```

mod accesses;
mod compile;
mod glob_points;
mod globs;
mod overlap;
mod pattern;
mod pattern_error;
mod reach;
mod rule;
mod socket;
mod tables;

pub use accesses::Accesses;
pub(super) use compile::positions;
pub use compile::{CompileError, compile};
pub use pattern::{Component, Pattern};
pub use pattern_error::PatternError;
pub use reach::{Names, Reach};
pub use rule::{Effect, PathRule};
pub use socket::socket_pattern;
pub use tables::Compiled;

#[cfg(test)]
mod tests;
