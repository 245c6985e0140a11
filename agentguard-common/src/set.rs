//! What sets of small numbers have in common.

use core::ops::{BitAnd, Not};

use crate::rules::NO_RULE;

/// A set of numbers in ascending order, as a verdict needs it.
pub(crate) trait NumberSet: Copy + BitAnd<Output = Self> + Not<Output = Self> {
    /// Whether the set holds no number.
    fn is_empty(&self) -> bool;

    /// The lowest number of the set, or [`NO_RULE`].
    fn lowest(&self) -> u16;
}

/// The lowest bit of four words, or [`NO_RULE`].
#[inline(always)]
pub(crate) const fn lowest_of_four([a, b, c, d]: [u64; 4]) -> u16 {
    if a != 0 {
        trailing_zeros(a)
    } else if b != 0 {
        64 + trailing_zeros(b)
    } else if c != 0 {
        128 + trailing_zeros(c)
    } else if d != 0 {
        192 + trailing_zeros(d)
    } else {
        NO_RULE
    }
}

/// Trailing zeros of a word that is not 0: the ones of what lies below its lowest one, counted in
/// parallel. It has no branches, since BPF has no such instruction and the verifier would follow
/// each of the 64 ways to an answer.
#[inline(always)]
pub(crate) const fn trailing_zeros(word: u64) -> u16 {
    const PAIRS: u64 = 0x5555_5555_5555_5555;
    const NIBBLES: u64 = 0x3333_3333_3333_3333;
    const BYTES: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    const SUM: u64 = 0x0101_0101_0101_0101;
    let below = (word & word.wrapping_neg()).wrapping_sub(1);
    let pairs = below - (below >> 1 & PAIRS);
    let nibbles = (pairs & NIBBLES) + (pairs >> 2 & NIBBLES);
    let bytes = (nibbles + (nibbles >> 4)) & BYTES;
    (bytes.wrapping_mul(SUM) >> 56) as u16
}
