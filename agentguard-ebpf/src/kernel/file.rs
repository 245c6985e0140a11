//! Files: `struct file`, `struct dentry`, `struct inode`, `struct super_block`.

use agentguard_common::{mounts::KIND_BYTES, path::mark};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;

use super::{pointer, read};

/// The `FMODE_…` bit of files that the kernel opens beneath an overlay. It was moved, and its place given to
/// another, so the daemon says which it is.
#[unsafe(no_mangle)]
static BACKING_MODE: u32 = 0;

/// A `struct file`.
#[derive(Clone, Copy)]
pub struct File(*const u8);

impl File {
    /// Wraps a pointer that the kernel passed as a `struct file *`.
    #[inline(always)]
    pub fn new(file: *const u8) -> Self {
        Self(file)
    }

    /// That of a `struct vm_area_struct` which the kernel passed; null if no file is mapped.
    #[inline(always)]
    pub fn of_mapping(mapping: *const u8) -> Self {
        Self(lsm_member!(mapping, mapping_file as *const u8))
    }

    /// That of a `struct linux_binprm` which the kernel passed: what is executed.
    #[inline(always)]
    pub fn of_execution(execution: *const u8) -> Self {
        Self(lsm_member!(execution, execution_file as *const u8))
    }

    /// Whether it is open by a name of 16 bytes.
    #[inline(always)]
    pub fn is_named(self, name: &[u8; 16]) -> bool {
        let dentry = pointer(lsm_behind!(self.0, file_dentry as u64));
        let bytes = pointer(lsm_behind!(dentry, dentry_name as u64));
        lsm_behind!(dentry, dentry_length as u32) == 16
            && read::<u128>(bytes, 0) == u128::from_ne_bytes(*name)
    }

    /// Whether it lies in the same directory as another.
    #[inline(always)]
    pub fn lies_beside(self, other: Self) -> bool {
        let directory = |file: Self| {
            let dentry = pointer(lsm_behind!(file.0, file_dentry as u64));
            lsm_behind!(dentry, dentry_parent as u64)
        };
        let own = directory(self);
        own != 0 && own == directory(other)
    }

    /// Where it is.
    #[inline(always)]
    pub fn pointer(self) -> *const u8 {
        self.0
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// What it is open at.
    #[inline(always)]
    pub fn dentry(self) -> Dentry {
        Dentry(lsm_member!(self.0, file_dentry as *const u8))
    }

    /// `FMODE_…`.
    #[inline(always)]
    pub fn mode(self) -> u32 {
        lsm_member!(self.0, file_mode as u32)
    }

    /// Whether the kernel opens it beneath an overlay, for an open that was decided before.
    #[inline(always)]
    pub fn is_backing(self) -> bool {
        // SAFETY: the static is valid; the read is volatile because the value is set at load.
        let backing = unsafe { core::ptr::read_volatile(&raw const BACKING_MODE) };
        self.mode() & backing != 0
    }

    /// `O_…`, and what the kernel adds.
    #[inline(always)]
    pub fn flags(self) -> u32 {
        lsm_member!(self.0, file_flags as u32)
    }
}

/// A `struct dentry`: a name in a directory.
#[derive(Clone, Copy)]
pub struct Dentry(*const u8);

impl Dentry {
    /// Wraps a pointer that the kernel passed as a `struct dentry *`.
    #[inline(always)]
    pub fn new(dentry: *const u8) -> Self {
        Self(dentry)
    }

    /// That of a `struct path` which the kernel passed.
    #[inline(always)]
    pub fn of_path(path: *const u8) -> Self {
        Self(lsm_member!(path, path_dentry as *const u8))
    }

    /// Where it is.
    #[inline(always)]
    pub fn pointer(self) -> *const u8 {
        self.0
    }

    /// That of the directory, or itself if it is a root.
    #[inline(always)]
    pub fn parent(self) -> Self {
        Self(lsm_member!(self.0, dentry_parent as *const u8))
    }

    /// Where its name is.
    #[inline(always)]
    pub fn name(self) -> u64 {
        lsm_member!(self.0, dentry_name as u64)
    }

    /// Whether it is a directory that takes names that differ for the same, most often in case.
    ///
    /// File systems that have such directories and others say so of each directory. The rest compare names in their own way in all
    /// of them: FAT, NTFS, CIFS that is mounted so.
    ///
    /// `inode` is its own, which is read once for several questions.
    #[inline(always)]
    pub fn folds_names(self, inode: Inode) -> bool {
        /// `DCACHE_OP_HASH` and `DCACHE_OP_COMPARE` of `include/linux/dcache.h`: the file system's own functions say which names
        /// are the same. One that hashes only, as gfs2 does, compares bytes.
        const OWN_NAMES: u32 = 1 | 2;
        inode.is_null()
            || inode.ignores_case()
            || lsm_member!(self.0, dentry_flags as u32) & OWN_NAMES == OWN_NAMES
                && !self.superblock().ignores_case_by_directory()
    }

    /// Bytes of its name.
    #[inline(always)]
    pub fn length(self) -> u32 {
        lsm_member!(self.0, dentry_length as u32)
    }

    /// The number of the [mark] of its name.
    #[inline(always)]
    pub fn mark(self) -> u32 {
        mark::number(self.length(), self.beginning())
    }

    /// The first two bytes of its name, if that is shorter than [`mark::LONG`].
    #[inline(always)]
    pub fn beginning(self) -> u16 {
        lsm_member!(self.0, dentry_short_name as u16)
    }

    /// What has the name; null if nothing has.
    #[inline(always)]
    pub fn inode(self) -> Inode {
        Inode(lsm_member!(self.0, dentry_inode as *const u8))
    }

    /// Its superblock.
    #[inline(always)]
    pub fn superblock(self) -> Superblock {
        Superblock(lsm_member!(self.0, dentry_superblock as *const u8))
    }
}

/// A `struct inode`.
#[derive(Clone, Copy)]
pub struct Inode(*const u8);

impl Inode {
    /// Wraps a pointer that the kernel passed as a `struct inode *`.
    #[inline(always)]
    pub fn new(inode: *const u8) -> Self {
        Self(inode)
    }

    /// Where it is.
    #[inline(always)]
    pub fn pointer(self) -> *const u8 {
        self.0
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Whether it is a directory that says of itself that it ignores case. One that has anything in it does not become one
    /// (`ext4_ioctl_setflags`).
    #[inline(always)]
    fn ignores_case(self) -> bool {
        /// `S_CASEFOLD` of `include/linux/fs.h`.
        const CASEFOLD: u32 = 1 << 15;
        lsm_member!(self.0, inode_flags as u32) & CASEFOLD != 0
    }

    /// `S_IF…` and permissions.
    #[inline(always)]
    pub fn mode(self) -> u16 {
        lsm_member!(self.0, inode_mode as u16)
    }

    /// Its number.
    #[inline(always)]
    pub fn number(self) -> u64 {
        lsm_member!(self.0, inode_number as u64)
    }
}

/// A `struct super_block`: a file system that is mounted somewhere.
#[derive(Clone, Copy)]
pub struct Superblock(*const u8);

impl Superblock {
    /// Its device number: major << 20 | minor.
    #[inline(always)]
    pub fn device(self) -> u32 {
        lsm_member!(self.0, superblock_device as u32)
    }

    /// The number of its type (`include/uapi/linux/magic.h`).
    #[inline(always)]
    pub fn magic(self) -> u64 {
        lsm_member!(self.0, superblock_magic as u64)
    }

    /// Whether its [directories](Inode::ignores_case) say which of them ignore case.
    #[inline(always)]
    fn ignores_case_by_directory(self) -> bool {
        /// `…_MAGIC` of `include/uapi/linux/magic.h`. That of tmpfs since Linux 6.13.
        const EXT4: u64 = 0xef53;
        const F2FS: u64 = 0xf2f5_2010;
        const TMPFS: u64 = 0x0102_1994;
        matches!(self.magic(), EXT4 | F2FS | TMPFS)
    }

    /// Whether it can never be mounted: it is the kernel's own (`SB_NOUSER`).
    #[inline(always)]
    pub fn is_internal(self) -> bool {
        lsm_member!(self.0, superblock_flags as u64) & (1 << 31) != 0
    }

    /// The name of its type, as [`kind`](agentguard_common::mounts::kind) makes it.
    #[inline(always)]
    pub fn kind(self) -> u64 {
        let of = lsm_member!(self.0, superblock_type as *const u8);
        let name = lsm_member!(of, type_name as u64);
        let mut text = [0_u8; 2 * KIND_BYTES];
        // SAFETY: the destination has room for what is asked for and the NUL behind it; the helper
        // checks the source (Linux 5.5).
        unsafe {
            bpf_probe_read_kernel_str(
                text.as_mut_ptr().cast(),
                KIND_BYTES as u32 + 1,
                core::ptr::without_provenance(name as usize),
            );
        }
        let mut kind = [0; KIND_BYTES];
        kind.copy_from_slice(&text[..KIND_BYTES]);
        u64::from_ne_bytes(kind)
    }

    /// Whether it was mounted in the initial user namespace: not by an agent in one of its own.
    #[inline(always)]
    pub fn is_the_hosts(self) -> bool {
        let namespace = lsm_member!(self.0, superblock_user_namespace as *const u8);
        lsm_member!(namespace, user_namespace_level as u32) == 0
    }

    /// Its root.
    #[inline(always)]
    pub fn root(self) -> Dentry {
        Dentry(lsm_member!(self.0, superblock_root as *const u8))
    }
}
