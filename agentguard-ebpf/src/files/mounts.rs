//! Where superblocks are on the host.

use agentguard_common::{
    limits::MAX_SUPERBLOCKS,
    mounts::{NODE_ENTRIES, Node, PART_ENTRIES, Part, PartKey, Superblock},
};
use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{Array, HashMap},
    macros::btf_map,
};

use core::ptr::read_volatile;

use crate::atomic::add_one;

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

/// Device number → where the superblock is.
#[btf_map]
static SUPERBLOCKS: HashMap<u32, Superblock, { MAX_SUPERBLOCKS as usize }, NO_PREALLOC> =
    HashMap::new();

/// Name on the way to what is mounted by itself → where it is, or how the way goes on.
#[btf_map]
static PARTS: HashMap<PartKey, Part, { PART_ENTRIES as usize }, NO_PREALLOC> = HashMap::new();

/// The components of mount points.
#[btf_map]
static NODES: Array<Node, { NODE_ENTRIES as usize }> = Array::new();

/// How often what is above has changed, which the daemon writes; and how often agents have renamed.
#[btf_map]
static GENERATION: Array<u64, 2> = Array::new();

/// A number that grows with each change of mounts, and with each rename of an agent: who would wait until
/// the kernel's own count of renames, which has 32 bits, is the same again, has to rename.
#[inline(always)]
pub fn generation() -> Option<u64> {
    let (mounts, renames) = (GENERATION.get(0)?, GENERATION.get(1)?);
    // SAFETY: the references are valid; each number is replaced as a whole.
    unsafe { Some(read_volatile(mounts) + read_volatile(renames)) }
}

/// Counts a rename of an agent.
#[inline(always)]
pub fn count_rename() {
    if let Some(renames) = GENERATION.get_ptr_mut(1) {
        // SAFETY: the pointer is to a map's value.
        unsafe { add_one(renames) };
    }
}

/// Where a superblock is.
#[inline(always)]
pub fn superblock(device: u32) -> Option<Superblock> {
    // SAFETY: the value is copied at once; one that is replaced meanwhile is found out by the
    // generation.
    unsafe { SUPERBLOCKS.get(&device) }.copied()
}

/// What a name is on the way to a part.
///
/// # Safety
///
/// The key must be valid.
#[inline(always)]
pub unsafe fn part(key: *const PartKey) -> Option<Part> {
    // SAFETY: the caller's promise, and as above.
    unsafe { PARTS.get(&*key) }.copied()
}

/// A component of a mount point.
#[inline(always)]
pub fn node(index: u32) -> Option<&'static Node> {
    NODES.get(index)
}
