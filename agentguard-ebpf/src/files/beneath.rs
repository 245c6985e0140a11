//! What scopes are known to permit with whatever lies in a directory, at any depth.
//!
//! An entry is of a directory whose [state is steady](agentguard_common::path): what is beneath has the same rights, unless
//! a name on the way has a mark that is sought. Most files that are visited for the first time lie beneath one.
//!
//! They are kept as what is [permitted](super::permitted) with files is.

use agentguard_common::{limits::MAX_DEPTH, path::mark, scope::ScopeWord};
use aya_ebpf::{btf_maps::Array, macros::btf_map};

use super::{permitted, stamp::Stamp, walk::repeat};
use crate::{
    kernel::{Dentry, Inode},
    memo::{self, Entry},
};

/// Directories whose inode numbers have the same remainder are known at once.
const WAYS: usize = 2;
/// Remainders: 0.5 MB.
const SETS: u32 = 4096;

/// How many directories above an object are asked.
const ABOVE: u32 = 32;

/// The scope, the inode, how often mounts had changed, [what is beneath](Beneath::pack) with how often names had in the lower
/// half, the marks that are sought.
type Directory = Entry<5>;

#[btf_map]
static BENEATH: Array<[Directory; WAYS], { SETS as usize }> = Array::new();

/// What is known of what lies in a directory.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Beneath {
    /// [Bits](agentguard_common::path::Access::bit) of the accesses that are permitted.
    pub permitted: u8,
    /// How many names the directory's path has.
    pub depth: u32,
    /// [Marks](agentguard_common::path::State::sought) of names that may have other rights.
    pub sought: u64,
}

impl Beneath {
    /// Depth and accesses.
    #[inline(always)]
    fn pack(&self) -> u64 {
        u64::from(self.depth) << 8 | u64::from(self.permitted)
    }
}

/// The way up from an object, in callbacks of `bpf_loop`.
#[repr(C)]
struct Ascent {
    /// The lowest name that was not passed.
    below: Dentry,
    /// Marks of the names that were passed.
    marks: u64,
    stamp: Stamp,
    /// How many names were passed, with that of the object, once it is known that it is permitted; else 0.
    found: u64,
    wanted: u64,
    /// That of the directory that was found.
    beneath: u64,
    sought: u64,
}

/// Whether the accesses to an object are known to be permitted by what is known of a directory above. Then they
/// are known of itself, too.
///
/// That a directory is above holds if nothing was renamed meanwhile: if the stamp is still true.
#[inline(never)]
pub fn is_known(at: Dentry, wanted: u32, stamp: &Stamp) -> bool {
    let mut ascent = Ascent {
        below: at,
        marks: 0,
        stamp: *stamp,
        found: 0,
        wanted: u64::from(wanted),
        // Not zeros: of many in a row the compiler would make a call that writes byte by byte.
        beneath: u64::MAX,
        sought: u64::MAX,
    };
    repeat(ABOVE, ascend, &mut ascent);
    let passed = ascent.found;
    if passed == 0 {
        return false;
    }
    let Some(after) = Stamp::now(ScopeWord(stamp.word)) else {
        return false;
    };
    if !after.is(stamp) {
        return false;
    }
    let inode = at.inode();
    if !inode.is_null() {
        permitted::remember(inode, at, stamp, wanted as u8);
    }
    let mut beneath = Beneath {
        permitted: ascent.beneath as u8,
        depth: (ascent.beneath >> 8) as u32 + passed as u32 - 1,
        sought: ascent.sought,
    };
    // Also the directory above that: who visits a tree comes to those beside this one.
    if passed > 1 {
        let directory = at.parent();
        keep(directory.inode(), stamp, &beneath);
        if passed > 2 {
            beneath.depth -= 1;
            keep(directory.parent().inode(), stamp, &beneath);
        }
    }
    true
}

extern "C" fn ascend(passed: u64, ascent: *mut Ascent) -> i64 {
    // SAFETY: the context of the loop.
    let ascent = unsafe { &mut *ascent };
    let below = ascent.below;
    let directory = below.parent();
    let (inode, length) = (directory.inode(), below.length());
    let is_root = directory.pointer() == below.pointer();
    if is_root || directory.folds_names(inode) || length == 0 {
        return 1;
    }
    ascent.marks |= 1 << (mark::number(length, below.beginning()) & 63);
    if recall(inode, ascent) {
        let deepest = (ascent.beneath >> 8) + passed + 1;
        let lacks = ascent.wanted & !ascent.beneath | ascent.marks & ascent.sought;
        if lacks == 0 && deepest <= MAX_DEPTH {
            ascent.found = passed + 1;
        }
        return 1;
    }
    ascent.below = directory;
    0
}

/// Reads what is known of a directory, if it is true.
#[inline(always)]
fn recall(directory: Inode, ascent: &mut Ascent) -> bool {
    let Some(set) = set(directory) else {
        return false;
    };
    let stamp = &ascent.stamp;
    let kept = way(set, stamp.word);
    // SAFETY: the pointer is to a map's value.
    let known = unsafe { memo::word(kept, 1) };
    // Of most directories nothing is.
    if directory.pointer() != core::ptr::without_provenance(known as usize) {
        return false;
    }
    // SAFETY: as above.
    let Some([word, known, generation, last, sought]) = (unsafe { memo::read(kept) }) else {
        return false;
    };
    if directory.pointer() != core::ptr::without_provenance(known as usize) {
        return false;
    }
    let changed = (word ^ stamp.word)
        | (generation ^ stamp.generation)
        | ((last ^ stamp.renames) & 0xffff_ffff);
    if changed != 0 {
        return false;
    }
    ascent.beneath = last >> 32;
    ascent.sought = sought;
    true
}

/// Keeps what is known of a directory.
#[inline(always)]
pub fn keep(directory: Inode, stamp: &Stamp, beneath: &Beneath) {
    let Some(set) = set(directory) else {
        return;
    };
    let words = [
        stamp.word,
        directory.pointer() as u64,
        stamp.generation,
        stamp.renames | beneath.pack() << 32,
        beneath.sought,
    ];
    // SAFETY: as above.
    unsafe { memo::write(way(set, stamp.word), words) };
}

/// Forgets what is known of an inode, which nothing refers to any more.
#[inline(always)]
pub fn forget(inode: Inode) {
    let Some(set) = set(inode) else {
        return;
    };
    for index in 0..WAYS {
        // SAFETY: the index is below the length.
        unsafe {
            let kept = set.cast::<Directory>().add(index);
            if inode.pointer() == core::ptr::without_provenance(memo::word(kept, 1) as usize) {
                memo::clear(kept);
            }
        }
    }
}

#[inline(always)]
fn set(directory: Inode) -> Option<*mut [Directory; WAYS]> {
    if directory.is_null() {
        return None;
    }
    BENEATH.get_ptr_mut(directory.number() as u32 & (SETS - 1))
}

#[inline(always)]
fn way(set: *mut [Directory; WAYS], word: u64) -> *mut Directory {
    let index = ScopeWord(word).version() as usize & (WAYS - 1);
    // SAFETY: the index is below the length.
    unsafe { set.cast::<Directory>().add(index) }
}
