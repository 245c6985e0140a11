//! Marks of names: whether a name is none of some others, without a look-up.
//!
//! A name has one of 64 marks, by its length and its first two bytes. Names of different marks differ.

/// Names of so many bytes are marked by their length alone: the kernel keeps the bytes of shorter ones within the
/// `struct dentry` (`DNAME_INLINE_LEN` of `include/linux/dcache.h` is 32 at least where a pointer has 64 bits).
pub const LONG: u32 = 32;

/// The number of a mark, below 64. `beginning` are the first two bytes of the name, as they lie in memory, the second 0
/// if there is none.
#[inline(always)]
pub const fn number(length: u32, beginning: u16) -> u32 {
    let beginning = if length < LONG { beginning as u32 } else { 0 };
    // The golden ratio mixes all bits into the highest (Knuth, The Art of Computer Programming, 6.4).
    (beginning | length << 16).wrapping_mul(0x9e37_79b1) >> 26
}

/// The number of the mark of a name.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a name has at most 255 bytes"
)]
pub fn of(name: &[u8]) -> u32 {
    let byte = |index| name.get(index).copied().unwrap_or(0);
    number(name.len() as u32, u16::from_ne_bytes([byte(0), byte(1)]))
}
