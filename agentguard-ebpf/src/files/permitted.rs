//! What scopes are known to permit with a file.
//!
//! An entry says "this scope permits these accesses to this file by this name" and nothing else. A
//! refusal and an observation must be recorded each time, and are never here.
//!
//! A file is known by where its inode is, until that is [let go](super::let_go): storage with the inode
//! would cost an allocation for each file that is opened once, and from a walk through directories
//! newer kernels do not give it.

use agentguard_common::scope::ScopeWord;
use aya_ebpf::{btf_maps::Array, macros::btf_map};

use super::stamp::Stamp;
use crate::{
    kernel::{Dentry, Inode},
    memo::{self, Entry},
};

/// Files whose inode numbers have the same remainder are known at once.
const WAYS: usize = 4;
/// Remainders: 1.8 MB.
const SETS: u32 = 8192;

/// The scope, the inode, the name, how often mounts had changed, how often names had, with the accesses
/// in the upper half.
type File = Entry<5>;

#[btf_map]
static FILES: Array<[File; WAYS], { SETS as usize }> = Array::new();

/// Whether the accesses are known to be permitted.
#[inline(always)]
pub fn is_known(inode: Inode, at: Dentry, stamp: &Stamp, wanted: u8) -> bool {
    let Some(set) = set(inode) else {
        return false;
    };
    let kept = way(set, stamp.word);
    // SAFETY: the pointer is to a map's value.
    let known = unsafe { memo::word(kept, 1) };
    // Of one that is visited for the first time nothing is known.
    if inode.pointer() != core::ptr::without_provenance(known as usize) {
        return false;
    }
    // SAFETY: as above.
    let Some([word, known, name, generation, last]) = (unsafe { memo::read(kept) }) else {
        return false;
    };
    // No arithmetic is permitted on a pointer of the kernel's.
    if at.pointer() != core::ptr::without_provenance(name as usize)
        || inode.pointer() != core::ptr::without_provenance(known as usize)
    {
        return false;
    }
    (word ^ stamp.word)
        | (generation ^ stamp.generation)
        | ((last ^ stamp.renames) & 0xffff_ffff)
        | (u64::from(wanted) & !(last >> 32))
        == 0
}

/// Remembers that the accesses are permitted.
#[inline(always)]
pub fn remember(inode: Inode, at: Dentry, stamp: &Stamp, permitted: u8) {
    let Some(set) = set(inode) else {
        return;
    };
    let words = [
        stamp.word,
        inode.pointer() as u64,
        at.pointer() as u64,
        stamp.generation,
        stamp.renames | u64::from(permitted) << 32,
    ];
    // SAFETY: the pointer is to a map's value.
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
            let entry = set.cast::<File>().add(index);
            if inode.pointer() == core::ptr::without_provenance(memo::word(entry, 1) as usize) {
                memo::clear(entry);
            }
        }
    }
}

#[inline(always)]
fn set(inode: Inode) -> Option<*mut [File; WAYS]> {
    FILES.get_ptr_mut(inode.number() as u32 & (SETS - 1))
}

#[inline(always)]
fn way(set: *mut [File; WAYS], word: u64) -> *mut File {
    let index = ScopeWord(word).version() as usize & (WAYS - 1);
    // SAFETY: the index is below the length.
    unsafe { set.cast::<File>().add(index) }
}
