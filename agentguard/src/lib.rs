//! agentguard, as a library.

pub mod policy;
