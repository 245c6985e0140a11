//! Sets of numbered rules.

use core::ops::{BitAnd, BitOr, Not};

use crate::{
    limits::MAX_RULES,
    set::{NumberSet, lowest_of_four},
};

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
        lowest_of_four(self.0)
    }
}

impl NumberSet for RuleSet {
    #[inline(always)]
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    #[inline(always)]
    fn lowest(&self) -> u16 {
        Self::lowest(self)
    }
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
