//! What the programs see of the daemon itself, for the daemon to compare.

use crate::event::COMM_LEN;

/// Bytes of the names that are compared; what is longer is cut there.
pub const NAME: usize = 64;

/// What is asked, and what was seen. All zeros is nothing.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SelfTest {
    /// Not 0 if something was seen.
    pub seen: u64,
    /// Inode number of the file.
    pub inode: u64,
    /// First bytes of the name of the file system's type, as [`kind`](crate::mounts::kind) makes it.
    pub kind: u64,
    /// Number of the file system's type.
    pub magic: u64,
    /// Cgroup id of the process, as calls read it.
    pub cgroup: u64,
    /// The same, as typed loads read it.
    pub typed_cgroup: u64,
    /// Cgroup id of the cgroup above; 0 if it is the root.
    pub parent_cgroup: u64,
    /// When the process started, in nanoseconds since boot.
    pub started_ns: u64,
    /// The descriptor of the file: asked.
    pub descriptor: u32,
    /// Device number: major << 20 | minor.
    pub device: u32,
    /// Type and permissions of the file.
    pub mode: u32,
    /// `O_…` of the descriptor.
    pub flags: u32,
    /// Directories above the file, up to the root of its superblock.
    pub depth: u32,
    /// 1 if the uppermost is what the superblock says its root is.
    pub is_rooted: u32,
    /// Bytes of the file's name.
    pub length: u32,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// User id.
    pub uid: u32,
    /// 1 if the process's rights are those of the initial user namespace.
    pub is_initial: u32,
    /// 1 if the cgroup is in the v2 hierarchy.
    pub is_v2: u32,
    /// The first two bytes of the file's name, read by another way.
    pub beginning: u16,
    /// Those of the name of its directory.
    pub directory_beginning: u16,
    /// Zero.
    pub reserved: u32,
    /// Name of the thread.
    pub comm: [u8; COMM_LEN],
    /// The file's name.
    pub name: [u8; NAME],
    /// The name of its directory.
    pub directory: [u8; NAME],
    /// The name of the cgroup.
    pub cgroup_name: [u8; NAME],
}

const _: () = assert!(size_of::<SelfTest>() == 8 * 8 + 14 * 4 + 16 + 3 * 64);
