//! Rules about paths to the tables that the decision looks into.

use std::collections::BTreeMap;

use agentguard_common::{
    limits::{MAX_GLOB_STATES, MAX_POSITIONS},
    path::{Header, Positions, mark},
    scope::FLAG_OBSERVE,
};

use super::{Compiled, Component, Effect, PathRule, Pattern, PatternError, globs};
use crate::policy::Mode;

/// Why path rules cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The patterns have more components than fit.
    #[error(
        "the path patterns of the scope need {needed} positions (one for each component and one more for each pattern), and {MAX_POSITIONS} is the limit; write fewer or shorter patterns, with * or ** where several differ in a name"
    )]
    Positions {
        /// Positions of all patterns.
        needed: usize,
    },
    /// The globs have too many combinations.
    #[error(
        "the globs of the scope need an automaton of more than {MAX_GLOB_STATES} states, since each name can match any combination of them; write fewer globs that have characters between two *, as \"*a*\" has"
    )]
    GlobStates,
    /// A rule is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// Compiles the path rules of an agent in this mode. Their order does not matter, only their numbers.
pub fn compile(rules: &[PathRule], mode: Mode) -> Result<Compiled, CompileError> {
    let mut rules: Vec<_> = rules.iter().collect();
    rules.sort_by_key(|rule| rule.number);
    let needed = rules.iter().map(|rule| positions(&rule.pattern)).sum();
    if needed > MAX_POSITIONS {
        return Err(CompileError::Positions { needed });
    }
    let mut layout = Layout::default();
    if mode == Mode::Observe {
        layout.header.flags |= FLAG_OBSERVE;
    }
    for rule in rules {
        layout.add(rule);
    }
    layout.header.words = layout.next.div_ceil(64);
    Ok(Compiled {
        globs: globs::compile(&layout.globs)?,
        header: layout.header,
        literals: layout.literals,
        rules: layout.rules,
    })
}

/// The components that are laid out: of several `**` in a row, which mean the same as one, the first.
fn components(pattern: &Pattern) -> impl Iterator<Item = &Component> {
    pattern
        .components()
        .chunk_by(|a, b| *a == Component::AnyDepth && *b == Component::AnyDepth)
        .filter_map(<[Component]>::first)
}

/// Positions that a pattern takes.
pub(in crate::policy) fn positions(pattern: &Pattern) -> usize {
    components(pattern).count() + 1
}

/// Patterns one behind another.
#[derive(Default)]
struct Layout {
    header: Header,
    literals: BTreeMap<Box<[u8]>, Positions>,
    globs: BTreeMap<Box<[u8]>, Positions>,
    /// The rule of each position.
    rules: Vec<u16>,
    /// The next position that is free; `rules` has as many entries.
    next: u16,
}

impl Layout {
    fn add(&mut self, rule: &PathRule) {
        self.header.starts.insert(self.next);
        for component in components(&rule.pattern) {
            let accepting = match component {
                Component::Literal(name) => {
                    self.header.named.insert(self.next);
                    self.header.insert_mark(self.next, mark::of(name));
                    insert(&mut self.header.lengths, name.len());
                    if let Some(first) = name.first() {
                        insert(&mut self.header.beginnings, usize::from(*first));
                    }
                    self.literals.entry(name.clone()).or_default()
                }
                Component::Glob(glob) => {
                    self.header.named.insert(self.next);
                    self.header.globs.insert(self.next);
                    self.globs.entry(glob.clone()).or_default()
                }
                Component::AnyName => &mut self.header.any_name,
                Component::AnyDepth => &mut self.header.any_depth,
            };
            accepting.insert(self.next);
            match &rule.effect {
                Effect::Deny => self.header.denying.insert(self.next),
                Effect::Allow(_) => self.header.granting.insert(self.next),
            }
            self.advance(rule.number);
        }
        match &rule.effect {
            Effect::Deny => self.header.deny.insert(self.next),
            Effect::Allow(accesses) => {
                for access in accesses {
                    self.header.allow_mut(*access).insert(self.next);
                }
            }
        }
        if rule.mode == Mode::Observe {
            self.header.observed.insert(self.next);
        }
        self.advance(rule.number);
    }

    fn advance(&mut self, rule: u16) {
        self.rules.push(rule);
        self.next += 1;
    }
}

/// Adds a number below 256.
fn insert(set: &mut [u64; 4], number: usize) {
    if let Some(word) = set.get_mut(number / 64) {
        *word |= 1 << (number % 64);
    }
}
