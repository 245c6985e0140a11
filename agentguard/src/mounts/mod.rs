//! Where the host has mounted what.
//!
//! ```text
//! mountinfo → Mount → MountTable (what is visible)
//! ```
//!
//! The host is the mount namespace and the root directory of the daemon.

mod mount;
mod table;
mod visibility;

pub use mount::{Mount, MountError};
pub use table::{MountTable, MountTableError};

#[cfg(test)]
mod tests;
