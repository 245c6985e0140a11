//! Sets of numbered rules.

use core::ops::{BitAnd, BitOr, Not};

use crate::limits::MAX_RULES;

/// The number that stands for "no rule" where a rule's number is expected.
pub const NO_RULE: u16 = u16::MAX;

/// A set of rules of one scope: bit *n* is rule *n*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RuleSet(pub [u64; MAX_RULES / 64]);

const _: () = assert!(size_of::<RuleSet>() == 32);

impl RuleSet {
    /// The set without a rule.
    pub const EMPTY: Self = Self([0; MAX_RULES / 64]);

    /// Adds a rule. A number beyond [`MAX_RULES`] is no rule, and is not added.
    pub const fn insert(&mut self, rule: u16) {
        if (rule as usize) < MAX_RULES {
            self.0[rule as usize / 64] |= 1 << (rule % 64);
        }
    }

    /// Whether the set holds the rule.
    pub const fn contains(&self, rule: u16) -> bool {
        (rule as usize) < MAX_RULES && self.0[rule as usize / 64] & (1 << (rule % 64)) != 0
    }

    /// Whether the set holds no rule.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }

    /// The lowest rule of the set, or [`NO_RULE`].
    #[inline(always)]
    pub const fn lowest(&self) -> u16 {
        let [a, b, c, d] = self.0;
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
}

/// Trailing zeros of a word that is not 0: the ones of what lies below its lowest one, counted in
/// parallel. It has no branches, since BPF has no such instruction and the verifier would follow
/// each of the 64 ways to an answer.
#[inline(always)]
const fn trailing_zeros(word: u64) -> u16 {
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

impl BitAnd for RuleSet {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        Self([a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]])
    }
}

impl BitOr for RuleSet {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        Self([a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]])
    }
}

impl Not for RuleSet {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([!a, !b, !c, !d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "256 fits")]
    fn every_rule_can_be_the_lowest() {
        for rule in 0..MAX_RULES as u16 {
            let mut set = RuleSet::EMPTY;
            set.insert(rule);
            assert_eq!(set.lowest(), rule);
            assert!(set.contains(rule) && !set.is_empty());
            set.insert(MAX_RULES as u16 - 1);
            assert_eq!(set.lowest(), rule);
        }
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "256 fits")]
    fn no_rule_is_no_rule() {
        let mut set = RuleSet::EMPTY;
        set.insert(MAX_RULES as u16);
        set.insert(NO_RULE);
        assert!(set.is_empty());
        assert!(!set.contains(NO_RULE));
        assert_eq!(set.lowest(), NO_RULE);
    }
}
