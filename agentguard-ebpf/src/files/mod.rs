//! Files: what an agent opens, executes, changes, makes and removes.
//!
//! An object is decided by its *host path*: its names up to the root of its superblock, with where the
//! host has mounted that in front. Which mount it was reached through does not matter.
//!
//! ```text
//! hook → check → permitted? (known of the inode)
//!          └→ beneath? (known of a directory above)
//!              └→ look: prepare (climb, or a directory whose state is kept) → enter, name by name → judge → event
//! ```

mod attributes;
mod beneath;
mod change;
pub mod check;
pub mod climb;
mod control_group;
mod directories;
mod enter;
mod let_go;
mod literals;
mod look;
mod map;
mod mounts;
pub mod open;
mod permitted;
mod prepare;
mod rename;
mod scope;
mod stamp;
pub mod walk;

/// `-EACCES`: what a file answers that is refused.
pub const REFUSED: i32 = -13;
