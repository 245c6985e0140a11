//! Where superblocks are on the host: what a path within one begins with.

use crate::limits::MAX_COMPONENT;

/// The value of the table of superblocks, whose key is the device number as in `s_dev`: major << 20 |
/// minor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Superblock {
    /// The [node](Node) at which its root is mounted; [`NOWHERE`] if only parts of it are.
    pub node: u32,
    /// `FLAG_…` bits.
    pub flags: u32,
}

const _: () = assert!(size_of::<Superblock>() == 8);

/// The node of a superblock whose root is not mounted.
pub const NOWHERE: u32 = u32::MAX;

/// Directories of the superblock are mounted by themselves: they are in the table of parts.
pub const FLAG_PARTS: u32 = 1 << 0;
/// It is the host's procfs: the directory of the process that asks is called `self`.
pub const FLAG_PROC: u32 = 1 << 1;

/// The key of the table of parts, whose value is a [node](Node): a directory, or a file, that is mounted
/// by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Part {
    /// The device number, as of a [`Superblock`].
    pub device: u32,
    /// Zero.
    pub reserved: u32,
    /// The inode number.
    pub inode: u64,
}

const _: () = assert!(size_of::<Part>() == 16);

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
