//! Entries of tables that each CPU has for itself, to remember what was looked up or decided.
//!
//! On one CPU memory is in order, but programs are interrupted by others, and preempted: a writer
//! keeps other writers out, and a reader takes only an entry that nobody wrote to meanwhile. Neither
//! waits: who is kept out does not write, and who reads in between has nothing to read.

use core::ptr::{read_volatile, write_volatile};

use crate::atomic::add;

/// An entry of four words. All zeros is what it begins with.
#[repr(C)]
pub struct Entry {
    /// How many writers are at it; who is not alone may not write.
    writers: u64,
    /// Odd while it is written, and never the same twice.
    sequence: u64,
    words: [u64; 4],
}

/// What an entry says, if nobody is writing to it.
///
/// # Safety
///
/// `entry` must point to this CPU's value of a map.
#[inline(always)]
pub unsafe fn read(entry: *const Entry) -> Option<[u64; 4]> {
    // SAFETY: the caller's promise; each member is one word. The reads are volatile so that they
    // stay in this order.
    unsafe {
        let before = read_volatile(&raw const (*entry).sequence);
        let words = [
            read_volatile(&raw const (*entry).words[0]),
            read_volatile(&raw const (*entry).words[1]),
            read_volatile(&raw const (*entry).words[2]),
            read_volatile(&raw const (*entry).words[3]),
        ];
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
pub unsafe fn write(entry: *mut Entry, words: [u64; 4]) {
    // SAFETY: the caller's promise. Who sees no count but its own is alone until it has taken that
    // back: all others on this CPU count themselves before they look.
    unsafe {
        let writers = &raw mut (*entry).writers;
        add(writers, 1);
        if read_volatile(writers) == 1 {
            let sequence = read_volatile(&raw const (*entry).sequence) | 1;
            write_volatile(&raw mut (*entry).sequence, sequence);
            write_volatile(&raw mut (*entry).words[0], words[0]);
            write_volatile(&raw mut (*entry).words[1], words[1]);
            write_volatile(&raw mut (*entry).words[2], words[2]);
            write_volatile(&raw mut (*entry).words[3], words[3]);
            write_volatile(&raw mut (*entry).sequence, sequence + 1);
        }
        add(writers, u64::MAX);
    }
}
