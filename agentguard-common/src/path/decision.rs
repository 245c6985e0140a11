//! What follows from the patterns that a path matches.

use super::{Access, State, Tables};
use crate::{
    rules::NO_RULE,
    scope::FLAG_OBSERVED_RULES,
    verdict::{Verdict, observed, resolve},
};

/// Decides whether the agent may access what has this state.
#[inline(always)]
pub fn decide<T: Tables>(tables: &T, state: &State, access: Access) -> Verdict {
    let Some(header) = tables.header() else {
        return Verdict::ERROR;
    };
    let (matched, allow) = (state.positions, *header.allow(access));
    let verdict = if header.flags & FLAG_OBSERVED_RULES == 0 {
        resolve(matched & header.deny, matched & allow, header.flags)
    } else {
        observed(matched, header.deny, allow, header.observed, header.flags)
    };
    // The sets are of positions, so its number is an end.
    let end = verdict.rule;
    if end == NO_RULE {
        return verdict;
    }
    match tables.rule(end) {
        Some(rule) => Verdict { rule, ..verdict }.settled(),
        None => Verdict::ERROR,
    }
}
