//! The states of directories.
//!
//! They are kept as what is [permitted](super::permitted) with files is.

use agentguard_common::{path::State, scope::ScopeWord};
use aya_ebpf::{btf_maps::Array, macros::btf_map};

use super::stamp::Stamp;
use crate::{
    kernel::Inode,
    memo::{self, Entry},
};

/// Directories whose inode numbers have the same remainder are known at once.
const WAYS: usize = 2;
/// Remainders: 1.5 MB.
const SETS: u32 = 4096;

/// Words of a state.
const STATE: usize = size_of::<State>() / 8;

/// The scope, the inode, how often mounts had changed, how often names had, the state.
type Directory = Entry<{ STATE + 4 }>;

#[btf_map]
static DIRECTORIES: Array<[Directory; WAYS], { SETS as usize }> = Array::new();

/// Copies the state of a directory, if it is kept and true.
///
/// # Safety
///
/// `state` must be valid.
#[inline(always)]
pub unsafe fn recall(directory: Inode, stamp: &Stamp, state: *mut State) -> bool {
    let Some(set) = set(directory) else {
        return false;
    };
    let kept = way(set, stamp.word);
    // SAFETY: the pointer is to a map's value, and the caller's promise.
    unsafe {
        let before = memo::sequence(kept);
        let known = memo::word(kept, 1) as usize;
        if directory.pointer() != core::ptr::without_provenance(known) {
            return false;
        }
        let changed = (memo::word(kept, 0) ^ stamp.word)
            | (memo::word(kept, 2) ^ stamp.generation)
            | (memo::word(kept, 3) ^ stamp.renames);
        if changed != 0 {
            return false;
        }
        for word in 0..STATE {
            let value = memo::word(kept, word + 4);
            state.cast::<u64>().add(word).write_volatile(value);
        }
        (before ^ memo::sequence(kept)) | (before & 1) == 0
    }
}

/// Keeps the state of a directory, unless somebody else is about to.
///
/// # Safety
///
/// `state` must be valid.
#[inline(always)]
pub unsafe fn keep(directory: Inode, stamp: &Stamp, state: *const State) {
    let Some(set) = set(directory) else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        memo::write_with(way(set, stamp.word), |index| match index {
            0 => stamp.word,
            1 => directory.pointer() as u64,
            2 => stamp.generation,
            3 => stamp.renames,
            _ => state.cast::<u64>().add(index - 4).read_volatile(),
        });
    }
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
    DIRECTORIES.get_ptr_mut(directory.number() as u32 & (SETS - 1))
}

#[inline(always)]
fn way(set: *mut [Directory; WAYS], word: u64) -> *mut Directory {
    let index = ScopeWord(word).version() as usize & (WAYS - 1);
    // SAFETY: the index is below the length.
    unsafe { set.cast::<Directory>().add(index) }
}
