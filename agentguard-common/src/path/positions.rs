//! Sets of pattern positions.

use core::ops::BitOr;

use super::Tables;
use crate::limits::MAX_POSITIONS;

/// Words of a set.
pub const WORDS: usize = MAX_POSITIONS / 64;

/// Words that are looked at without asking whether there are more.
const STRIDE: usize = 4;

/// Calls `each` with the index of every word that is in use, and of some that are not, and hold no
/// position in any set.
///
/// In strides, because the kernel's verifier follows each way out of a loop.
#[inline(always)]
pub(super) fn for_each_word<T: Tables>(tables: &T, mut each: impl FnMut(usize)) {
    for stride in 0..WORDS / STRIDE {
        if stride * STRIDE >= tables.words() {
            break;
        }
        for at in 0..STRIDE {
            each(stride * STRIDE + at);
        }
    }
}

/// A set of positions of one scope's patterns: bit *n* is position *n*.
///
/// It is larger than what a kernel program can have on its stack, so the decision works through sets
/// word by word, where they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Positions(pub [u64; WORDS]);

const _: () = assert!(size_of::<Positions>() == 128);

impl Positions {
    /// The set without a position.
    pub const EMPTY: Self = Self([0; WORDS]);

    /// Adds a position. A number beyond [`MAX_POSITIONS`] is no position, and is not added.
    pub const fn insert(&mut self, position: u16) {
        if (position as usize) < MAX_POSITIONS {
            self.0[position as usize / 64] |= 1 << (position % 64);
        }
    }

    /// Whether the set holds the position.
    pub const fn contains(&self, position: u16) -> bool {
        (position as usize) < MAX_POSITIONS
            && self.0[position as usize / 64] & (1 << (position % 64)) != 0
    }
}

impl BitOr for Positions {
    type Output = Self;

    fn bitor(mut self, other: Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_possible_truncation, reason = "1,024 fits")]
    const COUNT: u16 = MAX_POSITIONS as u16;

    #[test]
    fn every_position_can_be_in_a_set() {
        let mut all = Positions::EMPTY;
        for position in 0..COUNT {
            let mut one = Positions::EMPTY;
            assert!(!one.contains(position));
            one.insert(position);
            assert!(one.contains(position));
            assert_eq!(one.0.iter().map(|word| word.count_ones()).sum::<u32>(), 1);
            all = all | one;
        }
        assert_eq!(all, Positions([u64::MAX; WORDS]));
    }

    #[test]
    fn no_position_is_no_position() {
        let mut set = Positions::EMPTY;
        set.insert(COUNT);
        set.insert(u16::MAX);
        assert_eq!(set, Positions::EMPTY);
        assert!(!set.contains(COUNT));
    }
}
