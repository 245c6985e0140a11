//! Files: what an agent opens, executes, changes, makes and removes.
//!
//! An object is decided by its *host path*: its names up to the root of its superblock, with where the
//! host has mounted that in front. Which mount it was reached through does not matter.
//!
//! ```text
//! hook → check → permitted? (with the inode)
//!          └→ walk (names) → state (of its directory, kept with that) → decide → event
//! ```

mod attributes;
mod change;
pub mod check;
mod control_group;
mod directories;
mod let_go;
mod literals;
mod map;
mod mounts;
pub mod open;
mod permitted;
mod rename;
mod scope;
mod stamp;
pub mod walk;

/// `-EACCES`: what a file answers that is refused.
pub const REFUSED: i32 = -13;
