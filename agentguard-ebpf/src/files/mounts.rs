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

/// How often what is above has changed.
#[btf_map]
static GENERATION: Array<u64, 1> = Array::new();

/// How often mounts have changed.
#[inline(always)]
pub fn generation() -> Option<u64> {
    let generation = GENERATION.get(0)?;
    // SAFETY: the reference is valid; the daemon replaces the number as a whole.
    Some(unsafe { core::ptr::read_volatile(generation) })
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
