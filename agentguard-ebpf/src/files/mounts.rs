//! Where superblocks are on the host.

use agentguard_common::{
    limits::{MAX_NODES, MAX_PARTS, MAX_SUPERBLOCKS},
    mounts::{Node, Part, Superblock},
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

/// Directory that is mounted by itself → node.
#[btf_map]
static PARTS: HashMap<Part, u32, { MAX_PARTS as usize }, NO_PREALLOC> = HashMap::new();

/// The components of mount points.
#[btf_map]
static NODES: Array<Node, { 2 * MAX_NODES as usize }> = Array::new();

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

/// Where a directory is that is mounted by itself.
#[inline(always)]
pub fn part(device: u32, inode: u64) -> Option<u32> {
    let key = Part {
        device,
        reserved: 0,
        inode,
    };
    // SAFETY: as above.
    unsafe { PARTS.get(&key) }.copied()
}

/// A component of a mount point.
#[inline(always)]
pub fn node(index: u32) -> Option<&'static Node> {
    NODES.get(index)
}
