//! Compiled patterns, and the look-ups that a decision makes in them.

use std::collections::BTreeMap;

use agentguard_common::{
    limits::MAX_POSITIONS,
    path::{
        Access, Header, Positions, Scratch, State, Table, Tables, decide,
        glob::{self, Classes, Next},
        mark,
    },
    rules::NO_RULE,
    verdict::{Reason, Verdict},
};

use super::globs::Globs;

/// The compiled path rules of a scope.
///
/// It is also the user-space implementation of the look-ups, so that the decision can be asked
/// without a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    pub(super) header: Header,
    /// Positions by the name that their component is.
    pub(super) literals: BTreeMap<Box<[u8]>, Positions>,
    pub(super) globs: Globs,
    /// The rule of each position.
    pub(super) rules: Vec<u16>,
}

impl Compiled {
    /// The literals, each with the positions whose component it is.
    pub fn literals(&self) -> impl Iterator<Item = (&[u8], &Positions)> {
        let literals = self.literals.iter();
        literals.map(|(name, positions)| (name.as_ref(), positions))
    }

    /// The rows of the automaton for globs, one behind another, and what its states accept. Both are empty
    /// if there are no globs.
    pub fn globs(&self) -> (Vec<Next>, &[Positions]) {
        let next = self.globs.next.iter().copied().map(u32::from);
        let rows = next.map(|state| Next { state }).collect();
        (rows, &self.globs.accepted)
    }

    /// The rest, as the kernel has it, for the policy `version`.
    pub fn table(&self, version: u32) -> Table {
        let mut rules = [NO_RULE; MAX_POSITIONS];
        for (to, from) in rules.iter_mut().zip(&self.rules) {
            *to = *from;
        }
        Table {
            header: Header {
                version,
                ..self.header
            },
            classes: self.globs.classes,
            reserved: [0; 6],
            rules,
        }
    }

    /// The state of a path: its names from the root on, without slashes. `None` is an
    /// [error](State::enter).
    pub fn state<'a>(&self, names: impl IntoIterator<Item = &'a [u8]>) -> Option<State> {
        let mut state = State::default();
        let mut scratch = Scratch::default();
        state.begin(self)?;
        for name in names {
            state.enter(&mut scratch, self, name)?;
        }
        Some(state)
    }

    /// What the kernel would say to an access to a path, given as for [`state`](Self::state).
    pub fn decide<'a>(&self, names: impl IntoIterator<Item = &'a [u8]>, access: Access) -> Verdict {
        match self.state(names) {
            Some(state) => decide(self, &state, access),
            None => Verdict::ERROR,
        }
    }

    /// What the kernel says where no rule counts.
    pub fn refuse(&self, reason: Reason) -> Verdict {
        Verdict::refusal(reason, self.header.flags)
    }
}

impl Tables for Compiled {
    type Name = [u8];

    fn length(&self, name: &[u8]) -> usize {
        name.len()
    }

    fn mark(&self, name: &[u8]) -> u32 {
        mark::of(name)
    }

    fn bytes<'a>(&'a self, name: &'a [u8]) -> Option<&'a [u8]> {
        Some(name)
    }

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn literal(&self, name: &[u8]) -> Option<&Positions> {
        self.literals.get(name)
    }

    fn rule(&self, position: u16) -> Option<u16> {
        self.rules.get(usize::from(position)).copied()
    }
}

impl glob::Tables for Compiled {
    fn classes(&self) -> Option<&Classes> {
        Some(&self.globs.classes)
    }

    fn next(&self, index: u32) -> Option<u16> {
        self.globs.next.get(index as usize).copied()
    }

    fn accepted(&self, state: u16) -> Option<&Positions> {
        self.globs.accepted.get(usize::from(state))
    }
}
