//! agentguard, as a library.

pub mod cli;
pub mod control;
pub mod identity;
pub mod kernel;
