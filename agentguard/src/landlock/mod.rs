//! Rules for files without BPF LSM: `agentguard run` confines itself with Landlock before it becomes
//! the command.
//!
//! ```text
//! path rules → Reach (policy) → walk (what exists) → ruleset → this process
//!                                 └→ what is left out
//! ```
//!
//! Landlock can permit hierarchies and refuses nothing by itself. What it cannot say exactly is said
//! narrower, never wider, and [listed](LeftOut).

mod confine;
pub mod coverage;
mod left_out;
mod mounts;
mod rules;
mod ruleset;
mod walk;

pub use confine::{ConfineError, Confined, confine};
pub use left_out::{Item, LeftOut, Why};
pub use rules::{Root, Rules};
pub use walk::WalkError;

#[cfg(test)]
mod tests;
