//! The states of directories, kept with them.
//!
//! A program reads an entry while others may write to it, so it takes only what nobody wrote to
//! meanwhile. That needs loads, and stores, that stay in order among themselves, as those of x86-64 do.

use core::ptr::{read_volatile, write_volatile};

use agentguard_common::path::State;
use aya_ebpf::{btf_maps::InodeStorage, macros::btf_map};

use super::stamp::Stamp;
use crate::{atomic::add, kernel::Inode};

/// What is kept with a directory. All zeros is what it begins with, and no scope's.
#[repr(C)]
pub struct Directory {
    writers: u64,
    sequence: u64,
    stamp: Stamp,
    state: State,
}

#[btf_map]
static DIRECTORIES: InodeStorage<Directory> = InodeStorage::new();

const WORDS: usize = size_of::<State>() / 8;

/// Copies the state of a directory, if it is kept and true.
///
/// # Safety
///
/// `state` must be valid.
#[inline(always)]
pub unsafe fn recall(directory: Inode, stamp: &Stamp, state: *mut State) -> bool {
    // SAFETY: the verifier checks the inode; the pointer is to its storage.
    unsafe {
        let kept = DIRECTORIES.get_ptr_mut(directory.pointer().cast_mut().cast());
        if kept.is_null() {
            return false;
        }
        let before = read_volatile(&raw const (*kept).sequence);
        if !read_volatile(&raw const (*kept).stamp).is(stamp) {
            return false;
        }
        let (from, to) = (
            (&raw const (*kept).state).cast::<u64>(),
            state.cast::<u64>(),
        );
        for word in 0..WORDS {
            to.add(word).write_volatile(from.add(word).read_volatile());
        }
        let after = read_volatile(&raw const (*kept).sequence);
        (before ^ after) | (before & 1) == 0
    }
}

/// Keeps the state of a directory, unless somebody else is about to.
///
/// # Safety
///
/// `state` must be valid.
#[inline(always)]
pub unsafe fn keep(directory: Inode, stamp: &Stamp, state: *const State) {
    // SAFETY: as above. Who sees no count but its own is alone until it has taken that back.
    unsafe {
        let kept = DIRECTORIES.get_or_insert_ptr_mut(directory.pointer().cast_mut().cast(), None);
        if kept.is_null() {
            return;
        }
        let writers = &raw mut (*kept).writers;
        add(writers, 1);
        if read_volatile(writers) == 1 {
            let sequence = read_volatile(&raw const (*kept).sequence) | 1;
            write_volatile(&raw mut (*kept).sequence, sequence);
            write_volatile(&raw mut (*kept).stamp, *stamp);
            let (from, to) = (state.cast::<u64>(), (&raw mut (*kept).state).cast::<u64>());
            for word in 0..WORDS {
                to.add(word).write_volatile(from.add(word).read_volatile());
            }
            write_volatile(&raw mut (*kept).sequence, sequence + 1);
        }
        add(writers, u64::MAX);
    }
}
