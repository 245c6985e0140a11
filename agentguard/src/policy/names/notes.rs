//! What there is to know about rules by name.

use super::super::{
    destination::Hosts,
    error::Place,
    resolve::Note,
    scope::{Rule, Scope},
};

/// Says which name is meant where it is not what a reader sees: letters of two alphabets can look the
/// same.
pub(in crate::policy) fn notes(scope: &Scope) -> Vec<Note> {
    scope
        .rules
        .iter()
        .filter_map(|rule| note(scope, rule))
        .collect()
}

fn note(scope: &Scope, rule: &Rule) -> Option<Note> {
    let Hosts::Name(name) = &rule.destination.hosts else {
        return None;
    };
    let text = scope.text(rule);
    (!text.is_ascii()).then(|| Note {
        place: Place {
            line: rule.line,
            column: rule.column,
        },
        is_profile: false,
        is_warning: false,
        message: format!("{text:?} is {name}"),
    })
}
