//! Atomic addition. The target has the instruction, but `core` offers it only where there is a
//! compare-and-swap as well.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

/// Adds one to a counter.
///
/// # Safety
///
/// `counter` must point into a map value, aligned to 8 bytes, that is never accessed otherwise.
#[inline(always)]
pub unsafe fn add_one(counter: *mut u64) {
    // SAFETY: the caller's promise. Relaxed: the counter orders nothing.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, 1) };
}

/// Adds to a word. It is ordered as the program has it on this CPU: nothing is moved across it.
///
/// # Safety
///
/// As of [`add_one`], but the word may be read.
#[inline(always)]
pub unsafe fn add(word: *mut u64, addend: u64) {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(word, addend) };
}
