//! agentguard, as a library.

pub mod kernel;
