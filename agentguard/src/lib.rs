//! agentguard, as a library.

pub mod control;
pub mod kernel;
