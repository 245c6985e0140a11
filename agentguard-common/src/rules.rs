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

/// Trailing zeros of a word that is not 0, without a loop and without a table: BPF has no such
/// instruction.
#[inline(always)]
const fn trailing_zeros(word: u64) -> u16 {
    let lowest = word & word.wrapping_neg();
    let mut count = 0;
    if lowest & 0xffff_ffff_0000_0000 != 0 {
        count += 32;
    }
    if lowest & 0xffff_0000_ffff_0000 != 0 {
        count += 16;
    }
    if lowest & 0xff00_ff00_ff00_ff00 != 0 {
        count += 8;
    }
    if lowest & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        count += 4;
    }
    if lowest & 0xcccc_cccc_cccc_cccc != 0 {
        count += 2;
    }
    if lowest & 0xaaaa_aaaa_aaaa_aaaa != 0 {
        count += 1;
    }
    count
}

impl BitAnd for RuleSet {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & e, b & f, c & g, d & h])
    }
}

impl BitOr for RuleSet {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
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
    fn no_rule_is_no_rule() {
        let mut set = RuleSet::EMPTY;
        set.insert(MAX_RULES as u16);
        set.insert(NO_RULE);
        assert!(set.is_empty());
        assert!(!set.contains(NO_RULE));
        assert_eq!(set.lowest(), NO_RULE);
    }
}
