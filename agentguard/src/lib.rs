//! agentguard, as a library: everything that the `agentguard` command does.
//!
//! ```text
//! scope.toml → policy → kernel ← identity
//! hook → event → events → log
//! cli → control → daemon
//! ```

pub mod cli;
pub mod control;
pub mod daemon;
pub mod dns;
pub mod events;
pub mod identity;
pub mod kernel;
pub mod landlock;
pub mod log;
pub mod mounts;
pub mod namespaces;
pub mod policy;
mod text;
