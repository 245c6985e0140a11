//! What rules say about everything beneath a directory, from the state of that directory alone.
//!
//! Whoever can only permit whole hierarchies asks this; the decision itself never does.

use agentguard_common::{
    path::{Access, Positions, Scratch, State, decide},
    rules::NO_RULE,
    verdict::Action,
};

use super::{Accesses, CompileError, Compiled, PathRule, compile};
use crate::policy::Mode;

/// Rules, and what can follow from their positions.
///
/// Observed rules are taken as they work: one that permits permits, one that denies refuses nothing.
#[derive(Clone, Debug)]
pub struct Reach {
    compiled: Compiled,
    /// Positions of patterns that refuse.
    refusing: Positions,
    /// By access: positions of patterns that permit it, but for their ends.
    granting: [Positions; Access::ALL.len()],
    /// By access: positions at the `**` that ends a pattern which permits it.
    whole: [Positions; Access::ALL.len()],
    /// Positions whose component is a literal.
    literal: Positions,
}

/// The names in a directory that can matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// Literals.
    pub literals: Vec<&'a [u8]>,
    /// Whether others can matter, too.
    pub any: bool,
}

impl Reach {
    /// Of these rules.
    pub fn new(rules: &[PathRule]) -> Result<Self, CompileError> {
        let compiled = compile(rules, Mode::Enforce)?;
        let mut reach = Self {
            refusing: Positions::EMPTY,
            granting: [Positions::EMPTY; Access::ALL.len()],
            whole: [Positions::EMPTY; Access::ALL.len()],
            literal: literals(&compiled),
            compiled,
        };
        let mut first = 0;
        for position in reach.positions() {
            let is_end = position + 1 == reach.count()
                || reach.compiled.header.starts.contains(position + 1);
            if is_end {
                reach.add(first, position);
                first = position + 1;
            }
        }
        Ok(reach)
    }

    /// Adds the pattern of these positions.
    fn add(&mut self, first: u16, end: u16) {
        let header = &self.compiled.header;
        if header.deny.contains(end) && !header.observed.contains(end) {
            (first..=end).for_each(|position| self.refusing.insert(position));
        }
        for access in Access::ALL {
            if !header.allow[access as usize].contains(end) {
                continue;
            }
            (first..end).for_each(|position| self.granting[access as usize].insert(position));
            if end > first && header.any_depth.contains(end - 1) {
                self.whole[access as usize].insert(end - 1);
            }
        }
    }

    /// The state of `/`. `None` is an error, as it is for the kernel: nothing is permitted then.
    pub fn root(&self) -> Option<State> {
        self.compiled.state([])
    }

    /// The state of what is called `name` in a directory of this state. `None` as for
    /// [`root`](Self::root).
    pub fn enter(&self, state: &State, name: &[u8]) -> Option<State> {
        let (mut state, mut scratch) = (*state, Scratch::default());
        state.enter(&mut scratch, &self.compiled, name)?;
        Some(state)
    }

    /// What is permitted with a path of this state.
    pub fn permitted(&self, state: &State) -> Accesses {
        let permits =
            |access: &Access| decide(&self.compiled, state, *access).action != Action::Refuse;
        Access::ALL.into_iter().filter(permits).collect()
    }

    /// What is permitted with a path of this state and with every path beneath, but for what is
    /// [refused](Self::refusal).
    pub fn whole(&self, state: &State) -> Accesses {
        those(state, &self.whole)
    }

    /// What is permitted with some path beneath one of this state, but for what is refused.
    pub fn beneath(&self, state: &State) -> Accesses {
        those(state, &self.granting)
    }

    /// A rule that refuses a path of this state or some path beneath, if there is one.
    pub fn refusal(&self, state: &State) -> Option<u16> {
        self.rule(|position| state.positions.contains(position) && self.refusing.contains(position))
    }

    /// A rule that permits something with a path of this state, or with some path beneath.
    pub fn grant(&self, state: &State) -> Option<u16> {
        self.rule(|position| {
            let granting = |of: &Positions| of.contains(position);
            let header = &self.compiled.header;
            state.positions.contains(position)
                && (self.granting.iter().any(granting) || header.allow.iter().any(granting))
        })
    }

    /// The names by which a directory of this state leads to paths that are permitted one of these
    /// accesses.
    pub fn names(&self, state: &State, wanted: Accesses) -> Names<'_> {
        let mut leading = Positions::EMPTY;
        for access in wanted.iter() {
            leading = leading | self.granting[access as usize];
        }
        for (word, reached) in leading.0.iter_mut().zip(state.positions.0) {
            *word &= reached;
        }
        let mut others = leading;
        for (word, literal) in others.0.iter_mut().zip(self.literal.0) {
            *word &= !literal;
        }
        let literals = self.compiled.literals.iter();
        Names {
            literals: literals
                .filter(|(_, accepting)| intersect(accepting, &leading))
                .map(|(name, _)| name.as_ref())
                .collect(),
            any: others != Positions::EMPTY,
        }
    }

    fn rule(&self, is_meant: impl Fn(u16) -> bool) -> Option<u16> {
        let position = self.positions().find(|position| is_meant(*position))?;
        let rule = self.compiled.rules.get(usize::from(position)).copied();
        rule.filter(|rule| *rule != NO_RULE)
    }

    /// Number of positions.
    fn count(&self) -> u16 {
        u16::try_from(self.compiled.rules.len()).unwrap_or(u16::MAX)
    }

    fn positions(&self) -> impl Iterator<Item = u16> + use<> {
        0..self.count()
    }
}

/// The accesses of whose positions the state has one.
fn those(state: &State, of: &[Positions; Access::ALL.len()]) -> Accesses {
    let has = |access: &Access| intersect(&state.positions, &of[*access as usize]);
    Access::ALL.into_iter().filter(has).collect()
}

fn literals(compiled: &Compiled) -> Positions {
    let mut all = Positions::EMPTY;
    for positions in compiled.literals.values() {
        all = all | *positions;
    }
    all
}

fn intersect(a: &Positions, b: &Positions) -> bool {
    a.0.iter().zip(b.0).any(|(a, b)| a & b != 0)
}
