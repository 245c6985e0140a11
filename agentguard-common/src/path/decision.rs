//! What follows from the patterns that a path matches.

use super::{Access, Positions, State, Tables, positions::for_each_word};
use crate::{
    rules::NO_RULE,
    scope::FLAG_OBSERVE,
    set::trailing_zeros,
    verdict::{Reason, Verdict},
};

/// Which of the matching rules decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum By {
    /// A `deny` that is enforced.
    Deny,
    /// A `deny` that is observed, of what is permitted otherwise.
    ObservedDeny,
    /// An allowing rule that is enforced.
    Allow,
    /// An allowing rule that is observed.
    ObservedAllow,
    /// None matches.
    Nothing,
}

impl By {
    /// As a number.
    #[inline(always)]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// From a number.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Deny),
            1 => Some(Self::ObservedDeny),
            2 => Some(Self::Allow),
            3 => Some(Self::ObservedAllow),
            4 => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// Decides whether the agent may access what has this state in the way that the patterns with these ends
/// allow, and by which rules. `None` is an error.
#[inline(always)]
pub fn judge<T: Tables>(tables: &T, state: &State, allow: &Positions) -> Option<By> {
    let header = tables.header()?;
    // What matches, of each kind: in one pass, without branches on it.
    let (mut denied, mut denied_firmly, mut allowed, mut allowed_firmly) = (0, 0, 0, 0);
    for_each_word(tables, |at| {
        let here = state.positions.0[at];
        let firm = here & !header.observed.0[at];
        denied |= here & header.deny.0[at];
        denied_firmly |= firm & header.deny.0[at];
        allowed |= here & allow.0[at];
        allowed_firmly |= firm & allow.0[at];
    });
    Some(if denied_firmly != 0 {
        By::Deny
    } else if allowed == 0 {
        By::Nothing
    } else if denied != 0 {
        By::ObservedDeny
    } else if allowed_firmly != 0 {
        By::Allow
    } else {
        By::ObservedAllow
    })
}

/// The [bits](Access::bit) of the accesses that are permitted to what has this state, and not observed. `None` is an error.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "there are four accesses")]
pub fn permitted<T: Tables>(tables: &T, state: &State) -> Option<u8> {
    let header = tables.header()?;
    let (mut denied, mut allowed) = (0, [0; Access::ALL.len()]);
    for_each_word(tables, |at| {
        let here = state.positions.0[at];
        denied |= here & header.deny.0[at];
        for (allowed, allow) in allowed.iter_mut().zip(&header.allow) {
            *allowed |= here & allow.0[at] & !header.observed.0[at];
        }
    });
    let mut permitted = 0;
    for (access, allowed) in allowed.into_iter().enumerate() {
        permitted |= nonzero(allowed) << access;
    }
    Some((permitted & nonzero(denied).wrapping_sub(1)) as u8)
}

/// The verdict that [`judge`] found, with the lowest rule of those that decide.
#[inline(always)]
pub fn verdict<T: Tables>(tables: &T, state: &State, allow: &Positions, by: By) -> Verdict {
    let Some(header) = tables.header() else {
        return Verdict::ERROR;
    };
    let (ends, but) = match by {
        By::Deny => (&header.deny, &header.observed),
        By::ObservedDeny => (&header.deny, &header.none),
        By::Allow => (allow, &header.observed),
        By::ObservedAllow => (allow, &header.none),
        By::Nothing => return Verdict::refuse(Reason::NoRule, NO_RULE, header.flags),
    };
    let Some(rule) = tables.rule(lowest(tables, state, ends, but)) else {
        return Verdict::ERROR;
    };
    match by {
        By::Deny => Verdict::refuse(Reason::Rule, rule, header.flags),
        By::Allow => Verdict::permit(Reason::Rule, rule),
        _ => Verdict::refuse(Reason::Rule, rule, FLAG_OBSERVE),
    }
}

/// Decides whether the agent may access what has this state.
#[inline(always)]
pub fn decide<T: Tables>(tables: &T, state: &State, access: Access) -> Verdict {
    let Some(header) = tables.header() else {
        return Verdict::ERROR;
    };
    let allow = header.allow(access as usize);
    match judge(tables, state, allow) {
        Some(by) => verdict(tables, state, allow, by),
        None => Verdict::ERROR,
    }
}

/// Whether what is moved from one state to the other takes something with it that may be more: that a
/// pattern permits beneath the new place and not beneath the old, or refuses beneath the old place
/// and not beneath the new. `None` is an error.
#[inline(always)]
pub fn gains<T: Tables>(tables: &T, from: &State, to: &State) -> Option<bool> {
    let header = tables.header()?;
    let mut gained = 0;
    for_each_word(tables, |at| {
        let (from, to) = (from.positions.0[at], to.positions.0[at]);
        gained |= to & !from & header.granting.0[at] | from & !to & header.denying.0[at];
    });
    Some(gained != 0)
}

/// The lowest position of the state that is among `ends` and not among `but`, or [`NO_RULE`].
///
/// Without branches on what is found: the verifier would follow each of the ways.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a set has 16 words")]
fn lowest<T: Tables>(tables: &T, state: &State, ends: &Positions, but: &Positions) -> u16 {
    let (mut first, mut place) = (0, 0);
    for_each_word(tables, |at| {
        let word = state.positions.0[at] & ends.0[at] & !but.0[at];
        // All ones as long as nothing was found.
        let open = nonzero(first).wrapping_sub(1);
        first |= word & open;
        place += nonzero(first) ^ 1;
    });
    if first == 0 {
        return NO_RULE;
    }
    // `place` is how many words had none.
    (place as u16) * 64 + trailing_zeros(first)
}

/// 1 if the word is not 0.
#[inline(always)]
const fn nonzero(word: u64) -> u64 {
    (word | word.wrapping_neg()) >> 63
}
