//! Where the host has mounted what: the names by which the kernel side knows files.
//!
//! ```text
//! mountinfo → Mount → MountTable (what is visible) → HostNames (one path for each superblock)
//! ```
//!
//! The host is the mount namespace and the root directory of the daemon.

mod mount;
mod names;
mod table;
mod visibility;

pub use mount::{Mount, MountError};
pub use names::{HostNames, LeftOut, Place, Why};
pub use table::{MountTable, MountTableError};

#[cfg(test)]
mod tests;
