//! agentguard, as a library.

pub mod cli;
pub mod events;
pub mod log;
