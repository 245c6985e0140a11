//! What follows from the patterns that a path matches.

use super::{Access, Positions, State, Tables, WORDS};
use crate::{
    rules::NO_RULE,
    scope::{FLAG_OBSERVE, FLAG_OBSERVED_RULES},
    set::trailing_zeros,
    verdict::{Verdict, beside_observed, resolve_lowest},
};

/// Decides whether the agent may access what has this state.
#[inline(always)]
pub fn decide<T: Tables>(tables: &T, state: &State, access: Access) -> Verdict {
    let Some(header) = tables.header() else {
        return Verdict::ERROR;
    };
    let (all, allow, flags) = (&header.none, header.allow(access), header.flags);
    let lowest = |ends: &Positions, but: &Positions| lowest(state, ends, but, header.words);
    let verdict = if flags & FLAG_OBSERVED_RULES == 0 {
        resolve_lowest(lowest(&header.deny, all), lowest(allow, all), flags)
    } else {
        let observed = &header.observed;
        let lenient = resolve_lowest(lowest(&header.deny, observed), lowest(allow, all), flags);
        beside_observed(lenient, || {
            let deny = lowest(&header.deny, all);
            resolve_lowest(deny, lowest(allow, observed), flags | FLAG_OBSERVE)
        })
    };
    // The numbers are of positions, so this one is an end.
    let end = verdict.rule;
    if end == NO_RULE {
        return verdict;
    }
    match tables.rule(end) {
        Some(rule) => Verdict { rule, ..verdict }.settled(),
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
    for at in 0..WORDS {
        if at >= header.words as usize {
            break;
        }
        let (from, to) = (from.positions.0[at], to.positions.0[at]);
        gained |= to & !from & header.granting.0[at] | from & !to & header.denying.0[at];
    }
    Some(gained != 0)
}

/// The lowest position of the state that is among `ends` and not among `but`, or [`NO_RULE`].
///
/// Without branches on what is found: the verifier would follow each of the ways.
#[inline(always)]
fn lowest(state: &State, ends: &Positions, but: &Positions, words: u16) -> u16 {
    let (mut first, mut place) = (0, 0);
    for at in 0..WORDS {
        if at >= words as usize {
            break;
        }
        let word = state.positions.0[at] & ends.0[at] & !but.0[at];
        // All ones as long as nothing was found.
        let open = nonzero(first).wrapping_sub(1);
        first |= word & open;
        place += nonzero(first) ^ 1;
    }
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
