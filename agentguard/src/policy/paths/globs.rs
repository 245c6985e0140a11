//! Globs to the automaton of [`agentguard_common::path::glob`].
//!
//! A glob is matched by one number, its [point](super::glob_points). A state of the automaton is the
//! points of all globs: so `*.pem` adds as many states as it has characters. Only globs with
//! characters between two `*` multiply, since a name can have passed any combination of them.

use std::collections::{BTreeMap, HashMap};

use agentguard_common::{
    limits::MAX_GLOB_STATES,
    path::{
        Positions,
        glob::{Classes, DEAD, START},
    },
};

use super::{CompileError, glob_points::Points};

/// The automaton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Globs {
    pub(super) classes: Classes,
    /// The next states: a row of `classes.width` for each state.
    pub(super) next: Vec<u16>,
    /// The positions whose glob is accepted, by state.
    pub(super) accepted: Vec<Positions>,
}

/// The point of each glob, or none if it cannot match any more.
type State = Box<[Option<u16>]>;

/// Compiles globs, each with the positions that it accepts a name for.
pub(super) fn compile(globs: &BTreeMap<Box<[u8]>, Positions>) -> Result<Globs, CompileError> {
    let (classes, examples) = classes(globs.keys().map(AsRef::as_ref));
    let mut compiled = Globs {
        classes,
        next: Vec::new(),
        accepted: Vec::new(),
    };
    if globs.is_empty() {
        return Ok(compiled);
    }
    let points: Vec<_> = globs.keys().map(|glob| Points::new(glob)).collect();
    let mut states = States::default();
    // By number: DEAD, then START.
    states.number(points.iter().map(|_| None).collect())?;
    states.number(points.iter().map(|_| Some(0)).collect())?;
    while let Some(state) = states.found.get(compiled.accepted.len()).cloned() {
        let mut accepted = Positions::EMPTY;
        for ((points, at), positions) in points.iter().zip(&state).zip(globs.values()) {
            if at.is_some_and(|at| points.is_end(at)) {
                accepted = accepted | *positions;
            }
        }
        compiled.accepted.push(accepted);
        for byte in &examples {
            let next = points
                .iter()
                .zip(&state)
                .map(|(points, at)| at.and_then(|at| points.after(at, *byte)))
                .collect();
            compiled.next.push(states.number(next)?);
        }
    }
    Ok(compiled)
}

const _: () = assert!(DEAD == 0 && START == 1 && MAX_GLOB_STATES <= 1 << 16);

/// A class for each byte that is in a glob, and class 0 for the others; and a byte of each class.
fn classes<'a>(globs: impl Iterator<Item = &'a [u8]>) -> (Classes, Vec<u8>) {
    let mut classes = Classes {
        of: [0; 256],
        width: 0,
    };
    let mut examples = Vec::new();
    for glob in globs {
        if examples.is_empty() {
            // It stands for itself in no glob.
            examples.push(b'*');
        }
        for byte in glob.iter().filter(|byte| **byte != b'*') {
            let class = &mut classes.of[usize::from(*byte)];
            // `*` has none of its own: 255 is the last.
            if *class == 0
                && let Ok(new) = u8::try_from(examples.len())
            {
                *class = new;
                examples.push(*byte);
            }
        }
    }
    // With a width that is too large no row would be found, and everything refused.
    classes.width = u16::try_from(examples.len()).unwrap_or(u16::MAX);
    (classes, examples)
}

/// The states that were found, by number.
#[derive(Default)]
struct States {
    found: Vec<State>,
    numbers: HashMap<State, u16>,
}

impl States {
    /// The number of a state, which may be a new one.
    fn number(&mut self, state: State) -> Result<u16, CompileError> {
        if let Some(number) = self.numbers.get(&state) {
            return Ok(*number);
        }
        if self.found.len() >= MAX_GLOB_STATES {
            return Err(CompileError::GlobStates);
        }
        let number = u16::try_from(self.found.len()).map_err(|_| CompileError::GlobStates)?;
        self.found.push(state.clone());
        self.numbers.insert(state, number);
        Ok(number)
    }
}
