//! What scopes are known to permit with a file, kept with it.
//!
//! An entry says "this scope permits these accesses to this file by this name" and nothing else. A
//! refusal and an observation must be recorded each time, and are never here.

use agentguard_common::scope::ScopeWord;
use aya_ebpf::{btf_maps::InodeStorage, macros::btf_map};

use super::stamp::Stamp;
use crate::{
    kernel::{Dentry, Inode},
    memo::{self, Entry},
};

/// Scopes that are kept with a file at once: several agents use the same libraries.
const SCOPES: usize = 4;

/// What is kept with a file.
#[repr(C)]
pub struct File {
    entries: [Entry; SCOPES],
}

#[btf_map]
static FILES: InodeStorage<File> = InodeStorage::new();

/// Whether the accesses are known to be permitted.
#[inline(always)]
pub fn is_known(inode: Inode, at: Dentry, stamp: &Stamp, wanted: u8) -> bool {
    // SAFETY: the verifier checks the inode; the pointer is to its storage.
    unsafe {
        let file = FILES.get_ptr_mut(inode.pointer().cast_mut().cast());
        if file.is_null() {
            return false;
        }
        let Some([word, dentry, generation, last]) = memo::read(entry(file, stamp.word)) else {
            return false;
        };
        // No arithmetic is permitted on a pointer of the kernel's.
        if at.pointer() != core::ptr::without_provenance(dentry as usize) {
            return false;
        }
        (word ^ stamp.word)
            | (generation ^ stamp.generation)
            | ((last ^ stamp.renames) & 0xffff_ffff)
            | (u64::from(wanted) & !(last >> 32))
            == 0
    }
}

/// Remembers that the accesses are permitted.
#[inline(always)]
pub fn remember(inode: Inode, at: Dentry, stamp: &Stamp, permitted: u8) {
    // SAFETY: as above.
    unsafe {
        let file = FILES.get_or_insert_ptr_mut(inode.pointer().cast_mut().cast(), None);
        if file.is_null() {
            return;
        }
        let words = [
            stamp.word,
            at.pointer() as u64,
            stamp.generation,
            stamp.renames | u64::from(permitted) << 32,
        ];
        memo::write(entry(file, stamp.word), words);
    }
}

#[inline(always)]
unsafe fn entry(file: *mut File, word: u64) -> *mut Entry {
    let index = ScopeWord(word).version() as usize & (SCOPES - 1);
    // SAFETY: the index is below the length.
    unsafe { (&raw mut (*file).entries).cast::<Entry>().add(index) }
}
