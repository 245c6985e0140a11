//! One axis of a compiled scope: which rules match where.

use agentguard_common::{address::Address, rules::RuleSet, scope::Row};

use super::prefix::from_number;

/// The intervals of one axis, while they are collected.
#[derive(Default)]
pub(super) struct Section {
    /// Points at which a rule begins or ceases to match.
    turns: Vec<(u128, u16)>,
}

impl Section {
    /// Adds the interval from `first` to `last`, both included. The intervals of one rule must not
    /// overlap.
    pub(super) fn add(&mut self, first: u128, last: u128, rule: u16) {
        self.turns.push((first, rule));
        if let Some(after) = last.checked_add(1) {
            self.turns.push((after, rule));
        }
    }

    /// Sweeps along the axis: one row wherever the set of matching rules changes, and one at the
    /// beginning, which the search relies on.
    pub(super) fn into_rows(mut self) -> Vec<Row> {
        self.turns.sort_unstable();
        let mut rows = vec![Row {
            key: Address::MIN,
            rules: RuleSet::EMPTY,
        }];
        let mut rules = RuleSet::EMPTY;
        for turns in self.turns.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((point, _)) = turns.first() else {
                continue;
            };
            for (_, rule) in turns {
                toggle(&mut rules, *rule);
            }
            let key = from_number(*point);
            match rows.last_mut() {
                Some(last) if last.key == key => last.rules = rules,
                Some(last) if last.rules == rules => {}
                _ => rows.push(Row { key, rules }),
            }
        }
        rows
    }
}

/// A rule begins to match, or ceases to.
fn toggle(rules: &mut RuleSet, rule: u16) {
    let mut only = RuleSet::EMPTY;
    only.insert(rule);
    *rules = (*rules | only) & !(*rules & only);
}
