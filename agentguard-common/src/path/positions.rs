//! Sets of pattern positions.

use core::ops::{BitAnd, BitOr, Not};

use crate::{
    limits::MAX_POSITIONS,
    rules::NO_RULE,
    set::{NumberSet, lowest_of_four},
};

/// A set of positions of one scope's patterns: bit *n* is position *n*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Positions(pub [u64; MAX_POSITIONS / 64]);

const _: () = assert!(size_of::<Positions>() == 64);

impl Positions {
    /// The set without a position.
    pub const EMPTY: Self = Self([0; MAX_POSITIONS / 64]);

    /// Adds a position. A number beyond [`MAX_POSITIONS`] is no position, and is not added.
    pub const fn insert(&mut self, position: u16) {
        if (position as usize) < MAX_POSITIONS {
            self.0[position as usize / 64] |= 1 << (position % 64);
        }
    }

    /// Whether the set holds no position.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        let w = &self.0;
        w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7] == 0
    }

    /// The lowest position of the set, or [`NO_RULE`].
    #[inline(always)]
    pub const fn lowest(&self) -> u16 {
        let w = &self.0;
        if w[0] | w[1] | w[2] | w[3] != 0 {
            lowest_of_four([w[0], w[1], w[2], w[3]])
        } else if w[4] | w[5] | w[6] | w[7] != 0 {
            256 + lowest_of_four([w[4], w[5], w[6], w[7]])
        } else {
            NO_RULE
        }
    }

    /// Every position moved up by one. What was the last is dropped: it can only be an end.
    #[inline(always)]
    #[must_use]
    pub const fn next(self) -> Self {
        let w = &self.0;
        Self([
            w[0] << 1,
            w[1] << 1 | w[0] >> 63,
            w[2] << 1 | w[1] >> 63,
            w[3] << 1 | w[2] >> 63,
            w[4] << 1 | w[3] >> 63,
            w[5] << 1 | w[4] >> 63,
            w[6] << 1 | w[5] >> 63,
            w[7] << 1 | w[6] >> 63,
        ])
    }
}

impl NumberSet for Positions {
    #[inline(always)]
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    #[inline(always)]
    fn lowest(&self) -> u16 {
        Self::lowest(self)
    }
}

impl BitAnd for Positions {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        let (w, o) = (&self.0, &other.0);
        Self([
            w[0] & o[0],
            w[1] & o[1],
            w[2] & o[2],
            w[3] & o[3],
            w[4] & o[4],
            w[5] & o[5],
            w[6] & o[6],
            w[7] & o[7],
        ])
    }
}

impl BitOr for Positions {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        let (w, o) = (&self.0, &other.0);
        Self([
            w[0] | o[0],
            w[1] | o[1],
            w[2] | o[2],
            w[3] | o[3],
            w[4] | o[4],
            w[5] | o[5],
            w[6] | o[6],
            w[7] | o[7],
        ])
    }
}

impl Not for Positions {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        let w = &self.0;
        Self([!w[0], !w[1], !w[2], !w[3], !w[4], !w[5], !w[6], !w[7]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_possible_truncation, reason = "512 fits")]
    const COUNT: u16 = MAX_POSITIONS as u16;

    fn only(position: u16) -> Positions {
        let mut set = Positions::EMPTY;
        set.insert(position);
        set
    }

    #[test]
    fn every_position_can_be_the_lowest() {
        for position in 0..COUNT {
            let set = only(position);
            assert_eq!(set.lowest(), position);
            assert!(!set.is_empty());
            assert_eq!((set | only(COUNT - 1)).lowest(), position);
            assert!((set & !set).is_empty());
        }
    }

    #[test]
    fn every_position_has_a_next_one_but_the_last() {
        for position in 0..COUNT - 1 {
            assert_eq!(only(position).next(), only(position + 1));
        }
        assert_eq!(only(COUNT - 1).next(), Positions::EMPTY);
    }

    #[test]
    fn no_position_is_no_position() {
        let set = only(COUNT) | only(NO_RULE);
        assert!(set.is_empty());
        assert_eq!(set.lowest(), NO_RULE);
    }

    #[test]
    fn sets_are_sets() {
        let (a, b) = (Positions([0b1100; 8]), Positions([0b1010; 8]));
        assert_eq!(a & b, Positions([0b1000; 8]));
        assert_eq!(a | b, Positions([0b1110; 8]));
        assert_eq!(!a, Positions([!0b1100; 8]));
    }
}
