//! Where the host has mounted what: the names by which the kernel side knows files.
//!
//! ```text
//! mountinfo → Mount → MountTable (what is visible) → HostNames (one path for each superblock)
//!                                   HostNames → Layout (nodes, superblocks, parts) → kernel tables
//! ```
//!
//! The host is the mount namespace and the root directory of the daemon.

mod layout;
mod mount;
mod names;
mod table;
mod update;
mod visibility;

pub use layout::Layout;
pub use mount::{Mount, MountError};
pub use names::{HostNames, LeftOut, Place, Why};
pub use table::{MountTable, MountTableError};
pub use update::{HostTables, Outcome, Written, update};

#[cfg(test)]
mod tests;
