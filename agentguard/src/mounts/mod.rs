//! Where the host has mounted what: the names by which the kernel side knows files.
//!
//! ```text
//! mountinfo → Mount → MountTable (what is visible) → HostNames (one path for each superblock)
//!                                   HostNames → Layout (nodes, superblocks, parts) → kernel tables
//!                                   HostNames → MountedHost (what a path in a scope is called)
//! ```
//!
//! The host is the mount namespace and the root directory of the daemon.

mod host;
mod keeper;
mod layout;
mod mount;
mod names;
mod proc;
mod table;
mod update;
mod visibility;

pub use host::{MountedHost, this_host};
pub use keeper::{Keeper, KeeperError};
pub use layout::Layout;
pub use mount::{Mount, MountError};
pub use names::{HostNames, LeftOut, Place, Why};
pub use table::{MountTable, MountTableError};
pub use update::{HostTables, Outcome, update};

#[cfg(test)]
mod tests;
