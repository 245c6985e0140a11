//! Tests of patterns, from their text to a verdict.

mod compiled;
mod globs;
mod overlap;
mod parsed;
mod reached;

use agentguard_common::{path::Access, rules::NO_RULE, verdict::Reason};

use super::{Compiled, Effect, PathRule, Pattern, compile};
use crate::policy::Mode;

/// A pattern that must be one.
fn pattern(text: &str) -> Pattern {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// A rule that permits reading.
fn read(number: u16, text: &str) -> PathRule {
    PathRule {
        number,
        pattern: pattern(text),
        effect: Effect::Allow(vec![Access::Read]),
        mode: Mode::Enforce,
    }
}

fn compiled(rules: &[PathRule]) -> Compiled {
    compile(rules, Mode::Enforce).unwrap_or_else(|error| panic!("{error}"))
}

/// The names of a path.
fn names(path: &str) -> impl Iterator<Item = &[u8]> {
    let path = path.strip_prefix('/').expect("an absolute path");
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(str::as_bytes)
}

/// Whether a pattern matches a path.
fn matches(pattern: &str, path: &str) -> bool {
    let verdict = compiled(&[read(3, pattern)]).decide(names(path), Access::Read);
    assert!(
        matches!(verdict.rule, 3 | NO_RULE) && verdict.reason != Reason::Error,
        "{verdict:?}"
    );
    verdict.rule == 3
}
