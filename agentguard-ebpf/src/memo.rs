//! Entries of tables that remember what was looked up or decided.
//!
//! Most belong to one CPU, where memory is in order. Those that several share need stores and loads that
//! stay in order among themselves, as those of x86-64 do. In both programs are interrupted by others, and preempted: a writer
//! keeps other writers out, and a reader takes only an entry that nobody wrote to meanwhile. Neither
//! waits: who is kept out does not write, and who reads in between has nothing to read.

use core::ptr::{read_volatile, write_volatile};

use crate::atomic::add;

/// An entry of some words. All zeros is what it begins with.
#[repr(C)]
pub struct Entry<const N: usize = 4> {
    /// How many writers are at it; who is not alone may not write.
    writers: u64,
    /// Odd while it is written, and never the same twice.
    sequence: u64,
    words: [u64; N],
}

/// What an entry says, if nobody is writing to it.
///
/// # Safety
///
/// `entry` must point to a map's value.
#[inline(always)]
pub unsafe fn read<const N: usize>(entry: *const Entry<N>) -> Option<[u64; N]> {
    // SAFETY: the caller's promise; each member is one word. The reads are volatile so that they
    // stay in this order.
    unsafe {
        let before = read_volatile(&raw const (*entry).sequence);
        let from = (&raw const (*entry).words).cast::<u64>();
        let mut words = [0; N];
        for (index, word) in words.iter_mut().enumerate() {
            *word = read_volatile(from.add(index));
        }
        let after = read_volatile(&raw const (*entry).sequence);
        ((before ^ after) | (before & 1) == 0).then_some(words)
    }
}

/// Replaces what an entry says, unless somebody else is about to.
///
/// # Safety
///
/// As of [`read`].
#[inline(always)]
pub unsafe fn write<const N: usize>(entry: *mut Entry<N>, words: [u64; N]) {
    // SAFETY: the caller's promise.
    unsafe { write_with(entry, |index| words[index]) };
}

/// As [`write`], of words that are asked for one by one.
///
/// # Safety
///
/// As of [`read`].
#[inline(always)]
pub unsafe fn write_with<const N: usize>(entry: *mut Entry<N>, words: impl Fn(usize) -> u64) {
    // SAFETY: the caller's promise. Who sees no count but its own is alone until it has taken that
    // back: all others count themselves before they look.
    unsafe {
        let writers = &raw mut (*entry).writers;
        add(writers, 1);
        if read_volatile(writers) == 1 {
            let sequence = read_volatile(&raw const (*entry).sequence) | 1;
            write_volatile(&raw mut (*entry).sequence, sequence);
            let to = (&raw mut (*entry).words).cast::<u64>();
            for index in 0..N {
                write_volatile(to.add(index), words(index));
            }
            write_volatile(&raw mut (*entry).sequence, sequence + 1);
        }
        add(writers, u64::MAX);
    }
}

/// Odd while an entry is written, and never the same twice.
///
/// # Safety
///
/// As of [`read`].
#[inline(always)]
pub unsafe fn sequence<const N: usize>(entry: *const Entry<N>) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { read_volatile(&raw const (*entry).sequence) }
}

/// Makes an entry say nothing, whoever is writing to it: a writer that is at it replaces it as a whole.
/// The first word is what an entry is known by, and 0 is nothing's.
///
/// # Safety
///
/// As of [`read`].
#[inline(always)]
pub unsafe fn clear<const N: usize>(entry: *mut Entry<N>) {
    // SAFETY: the caller's promise.
    unsafe { write_volatile((&raw mut (*entry).words).cast::<u64>(), 0) };
}

/// Word `index` of an entry, as it is now.
///
/// # Safety
///
/// As of [`read`].
#[inline(always)]
pub unsafe fn word<const N: usize>(entry: *const Entry<N>, index: usize) -> u64 {
    // SAFETY: the caller's promise; the index is a constant below `N`.
    unsafe { read_volatile((&raw const (*entry).words).cast::<u64>().add(index)) }
}
