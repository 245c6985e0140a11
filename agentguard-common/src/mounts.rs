//! Where superblocks are on the host: what a path within one begins with.
//!
//! A program walks from a file to the root of its superblock. The [`Superblock`] then says at which
//! [`Node`] of the host's tree that root is mounted. If it is not mounted itself, but directories in
//! it are, the names on the way down from the root are looked up as [`Part`]s until one says where it
//! is mounted. What is in no table has no path on the host, and is refused.
//!
//! The daemon changes the tables in an order in which a program that is not sleepable never sees a
//! mixture: new nodes and parts go where nobody looks yet, then each superblock is switched to them
//! at once, then the generation is counted up, and what lies where the old ones were is overwritten
//! only when no program runs that was there before. What was computed from the tables and kept must be
//! kept with the generation that was read *before* the look-up, and is void in another one.

use crate::limits::{MAX_COMPONENT, MAX_NODES, MAX_PARTS};

/// The value of the table of superblocks, whose key is the device number as in `s_dev`: major << 20 |
/// minor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Superblock {
    /// The [`Node`] at which its root is mounted; [`NOWHERE`] if only parts of it are.
    pub node: u32,
    /// `FLAG_…` bits.
    pub flags: u32,
    /// What [`kind`] makes of the name of its type (`s_type->name`). A device number is used again
    /// after its superblock is gone: a superblock of another type is not the one that is meant.
    pub kind: u64,
}

const _: () = assert!(size_of::<Superblock>() == 16);

/// The node of a superblock whose root is not mounted, and of a part that is only on the way to one.
pub const NOWHERE: u32 = u32::MAX;

/// Its root is not mounted, but directories in it are: they are in the table of parts.
pub const FLAG_PARTS: u32 = 1 << 0;
/// It is a procfs of the initial pid namespace: the directory of the process that asks is called
/// `self`.
pub const FLAG_PROC: u32 = 1 << 1;

/// Bytes of a [`kind`].
pub const KIND_BYTES: usize = 8;

/// The first eight bytes of the name of a type of file systems, padded with zeros.
pub const fn kind(name: &[u8]) -> u64 {
    let mut bytes = [0; KIND_BYTES];
    let mut at = 0;
    while at < bytes.len() && at < name.len() {
        bytes[at] = name[at];
        at += 1;
    }
    u64::from_ne_bytes(bytes)
}

/// The key of the table of parts: a component of the path, within its superblock, of a directory or
/// file that is mounted by itself.
///
/// The path says which directory is meant. Its inode number would not: every subvolume of a btrfs
/// begins with number 256, also those that a user makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct PartKey {
    /// The device number, as of a [`Superblock`].
    pub device: u32,
    /// [`Part::next`] of the component before; 0 for the first one.
    pub at: u32,
    /// Its name, padded with zeros.
    pub name: [u8; MAX_COMPONENT + 1],
}

const _: () = assert!(size_of::<PartKey>() == 264);

/// The value of the table of parts. No part lies within another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Part {
    /// The [`Node`] at which it is mounted; [`NOWHERE`] if it is only on the way to one that is.
    pub node: u32,
    /// [`PartKey::at`] of the components that follow; 0 if it is mounted itself.
    pub next: u32,
}

const _: () = assert!(size_of::<Part>() == 8);

/// Entries of the table of parts.
pub const PART_ENTRIES: u32 = 2 * MAX_PARTS;

/// A component of a mount point. Node 0 is `/` itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Node {
    /// The node before it.
    pub parent: u32,
    /// Bytes of its name; 0 for the root.
    pub length: u32,
    /// Its name, padded with zeros.
    pub name: [u8; MAX_COMPONENT + 1],
}

const _: () = assert!(size_of::<Node>() == 264);

/// Entries of the table of nodes.
pub const NODE_ENTRIES: u32 = 1 + 2 * MAX_NODES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_the_beginning_of_a_name() {
        assert_eq!(kind(b"ext4"), u64::from_ne_bytes(*b"ext4\0\0\0\0"));
        assert_eq!(kind(b"binfmt_misc"), kind(b"binfmt_mask"));
        assert_ne!(kind(b"overlay"), kind(b"tmpfs"));
        assert_eq!(kind(b""), 0);
    }
}
