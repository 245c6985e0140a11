//! Typed access to the kernel's structures.
//!
//! Offsets come from the running kernel's BTF: the daemon writes them into `OFFSETS` and `LSM_OFFSETS`
//! before it loads the object. The section is frozen, so the verifier knows each value, and a pointer
//! plus such an offset keeps its BTF type: members are plain loads.

use agentguard_common::offsets::{LsmOffsets, Offsets};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::UNKNOWN;

#[unsafe(no_mangle)]
static LSM_OFFSETS: LsmOffsets = LsmOffsets::UNKNOWN;

/// Reads member `$member` of the structure at `$base` as a `$type`. The load must have the size of
/// the member.
macro_rules! member {
    ($base:expr, $member:ident as $type:ty) => {{
        // SAFETY: the static is valid; the read is volatile because the value is set at load.
        let offset = unsafe { core::ptr::read_volatile(&raw const $crate::kernel::OFFSETS.$member) }
            as usize;
        // SAFETY: the verifier checks that the pointer has the structure's type and that the load
        // lies within the member; a fault reads as zero.
        unsafe { core::ptr::read_volatile($base.byte_add(offset).cast::<$type>()) }
    }};
}

/// Reads member `$member` of the structure at `$base` as a `$type`, by a call; a fault reads as zero.
///
/// For what lies behind a pointer of the running task. A pointer that is loaded from a trusted one
/// makes the verifier search the kernel's types by name, several times a load (Linux 6.3,
/// `btf_nested_type_is_trusted`): that was more than half of what all programs took to load. The
/// call costs some nanoseconds of a refusal.
macro_rules! behind {
    ($base:expr, $member:ident as $type:ty) => {{
        // SAFETY: the static is valid; the read is volatile because the value is set at load.
        let offset = unsafe { core::ptr::read_volatile(&raw const $crate::kernel::OFFSETS.$member) }
            as usize;
        $crate::kernel::read::<$type>($base, offset)
    }};
}

/// What is `offset` bytes behind an address, zeros if it cannot be read.
#[inline(always)]
pub fn read<T: Copy + Default>(base: *const u8, offset: usize) -> T {
    let mut value = T::default();
    // SAFETY: the destination has the size that is given; the helper checks the source (Linux 5.5), and
    // fills the destination with zeros if it cannot be read.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut value).cast(),
            size_of::<T>() as u32,
            base.wrapping_byte_add(offset).cast(),
        );
    }
    value
}

/// A pointer that was [read]: the verifier knows nothing about what is there.
#[inline(always)]
fn pointer(address: u64) -> *const u8 {
    core::ptr::without_provenance(address as usize)
}

/// As [`behind!`], of the members that the programs on files, sockets and processes read.
macro_rules! lsm_behind {
    ($base:expr, $member:ident as $type:ty) => {{
        let offset = &raw const $crate::kernel::LSM_OFFSETS.$member;
        // SAFETY: as in `member!`.
        let offset = unsafe { core::ptr::read_volatile(offset) } as usize;
        $crate::kernel::read::<$type>($base, offset)
    }};
}

/// As [`member!`], of the members that the programs on files, sockets and processes read.
macro_rules! lsm_member {
    ($base:expr, $member:ident as $type:ty) => {{
        let offset = &raw const $crate::kernel::LSM_OFFSETS.$member;
        // SAFETY: as in `member!`.
        let offset = unsafe { core::ptr::read_volatile(offset) } as usize;
        // SAFETY: as in `member!`.
        unsafe { core::ptr::read_volatile($base.wrapping_byte_add(offset).cast::<$type>()) }
    }};
}

mod attributes;
mod buffer;
mod cgroup;
mod file;
mod fs_context;
mod rename_lock;
mod socket;
mod task;
mod unix;

pub use attributes::Attributes;
pub use buffer::SocketBuffer;
pub use cgroup::Cgroup;
pub use file::{Dentry, File, Inode, Superblock};
pub use fs_context::FsContext;
pub use rename_lock::renames;
pub use socket::{Message, Socket};
pub use task::Task;
pub use unix::UnixSocket;
