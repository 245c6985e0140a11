//! The decision over compiled path patterns against a naive reference.
//!
//! Random scopes over a small alphabet, so that patterns overlap and match; random paths, put to the
//! shared decision and to the reference, which tries one rule after another, by recursion.

mod reference;
mod scopes;

use std::cell::{Cell, RefCell};

use agentguard::policy::{
    Mode,
    paths::{CompileError, Compiled, Effect, PathRule, compile},
};
use agentguard_common::{
    path::{Access, Scratch, State, gains, mark, permitted},
    verdict::Action,
};
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, TestError, TestRunner},
};
use scopes::{Case, Rule, case};

/// Scopes of a run.
const SCOPES: u32 = 1500;
/// Paths for a scope.
const PATHS: usize = 40;

const _: () = assert!(SCOPES as usize * PATHS * Access::ALL.len() >= 100_000);

fn mode(observe: bool) -> Mode {
    if observe {
        Mode::Observe
    } else {
        Mode::Enforce
    }
}

fn rule(rule: &Rule) -> Result<PathRule, TestCaseError> {
    let fail = |error| TestCaseError::fail(format!("{:?}: {error}", rule.pattern));
    Ok(PathRule {
        number: rule.number,
        pattern: rule.pattern.parse().map_err(fail)?,
        effect: if rule.allow.is_empty() {
            Effect::Deny
        } else {
            Effect::Allow(rule.allow.clone())
        },
        mode: mode(rule.observe),
    })
}

fn check(
    case: &Case,
    seen: &RefCell<reference::Seen>,
    moves: &Moves,
    skipped: &Skipped,
) -> Result<(), TestCaseError> {
    let rules = case.rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let compiled = compile(&rules, mode(case.observe)).map_err(|error| match error {
        // Rare. It would not be loaded: another scope is drawn.
        CompileError::GlobStates => TestCaseError::reject(error.to_string()),
        error => TestCaseError::fail(error.to_string()),
    })?;
    for path in &case.paths {
        for access in Access::ALL {
            let expected = reference::verdict(case, path, access);
            let found = compiled.decide(path.iter().map(String::as_bytes), access);
            prop_assert_eq!(
                found,
                expected,
                "{:?} /{}\nobserve: {}\n{:#?}",
                access,
                path.join("/"),
                case.observe,
                case.rules
            );
            seen.borrow_mut().add(expected);
        }
    }
    for path in &case.paths {
        check_steps(path, &compiled, skipped)?;
    }
    for two in case.paths.windows(2) {
        check_others(&two[0], &two[1], &compiled, skipped)?;
    }
    check_moves(case, &compiled, moves)
}

/// How often a name was passed over, and how often one led where another did.
type Skipped = Cell<[usize; 2]>;

fn count(skipped: &Skipped, what: usize) {
    let mut counts = skipped.get();
    counts[what] += 1;
    skipped.set(counts);
}

/// The state of a path, entered without passing over anything: as if no state were steady.
fn plainly(path: &[String], compiled: &Compiled) -> Option<State> {
    let (mut state, mut scratch) = (State::default(), Scratch::default());
    state.begin(compiled)?;
    for name in path {
        state.is_steady = 0;
        state.enter(&mut scratch, compiled, name.as_bytes())?;
    }
    Some(state)
}

/// A name that is passed over leads to where it would lead otherwise, and what is permitted is what would be decided.
fn check_steps(
    path: &[String],
    compiled: &Compiled,
    skipped: &Skipped,
) -> Result<(), TestCaseError> {
    let error = || TestCaseError::fail("a path without a state");
    let (mut state, mut scratch) = (State::default(), Scratch::default());
    state.begin(compiled).ok_or_else(error)?;
    for (depth, name) in path.iter().enumerate() {
        let step = state.enter(&mut scratch, compiled, name.as_bytes());
        let way = &path[..=depth];
        prop_assert_eq!(plainly(way, compiled), Some(state), "/{}", way.join("/"));
        if step == Some(false) {
            count(skipped, 0);
        }
        let permitted = permitted(compiled, &state).ok_or_else(error)?;
        for access in Access::ALL {
            let names = way.iter().map(String::as_bytes);
            let is_permitted = compiled.decide(names, access).action == Action::Permit;
            prop_assert_eq!(permitted & access.bit() != 0, is_permitted, "{:?}", access);
        }
    }
    Ok(())
}

/// Where a name leads that nothing accepts, all others lead whose marks are not named.
fn check_others(
    path: &[String],
    others: &[String],
    compiled: &Compiled,
    skipped: &Skipped,
) -> Result<(), TestCaseError> {
    let error = || TestCaseError::fail("a path without a state");
    let (Some((name, above)), mut scratch) = (path.split_last(), Scratch::default()) else {
        return Ok(());
    };
    let mut one = plainly(above, compiled).ok_or_else(error)?;
    let directory = State {
        is_steady: 0,
        ..one
    };
    one = directory;
    one.enter(&mut scratch, compiled, name.as_bytes())
        .ok_or_else(error)?;
    if scratch.is_named != 0 {
        return Ok(());
    }
    let marks = scratch.marks;
    for other in others {
        let other = other.as_bytes();
        if marks >> mark::of(other) & 1 != 0 {
            continue;
        }
        let mut there = directory;
        there
            .enter(&mut scratch, compiled, other)
            .ok_or_else(error)?;
        prop_assert_eq!(there, one, "/{} and {:?}", path.join("/"), other);
        count(skipped, 1);
    }
    Ok(())
}

/// How often a move was found to gain nothing, and to gain something.
type Moves = RefCell<[usize; 2]>;

/// What is beneath a directory that is moved, and gains nothing by it, may not be accessed where it could
/// not before.
fn check_moves(case: &Case, compiled: &Compiled, moves: &Moves) -> Result<(), TestCaseError> {
    let bytes = |path: &[String]| path.iter().map(|name| name.clone().into_bytes()).collect();
    for three in case.paths.windows(3) {
        let [from, to, beneath]: [Vec<Vec<u8>>; 3] =
            [bytes(&three[0]), bytes(&three[1]), bytes(&three[2])];
        let state = |path: &[Vec<u8>]| compiled.state(path.iter().map(Vec::as_slice));
        let (Some(old), Some(new)) = (state(&from), state(&to)) else {
            return Err(TestCaseError::fail("a path without a state"));
        };
        let is_gain = gains(compiled, &old, &new) != Some(false);
        moves.borrow_mut()[usize::from(is_gain)] += 1;
        if is_gain || beneath.is_empty() {
            continue;
        }
        for access in Access::ALL {
            let is_refused = |place: &[Vec<u8>]| {
                let path = [place, &beneath].concat();
                let verdict = compiled.decide(path.iter().map(Vec::as_slice), access);
                verdict.action == Action::Refuse
            };
            prop_assert!(
                !is_refused(&from) || is_refused(&to),
                "{:?}: from {:?} to {:?}, beneath {:?}\n{:#?}",
                access,
                three[0],
                three[1],
                three[2],
                case.rules
            );
        }
    }
    Ok(())
}

#[test]
fn the_decision_agrees_with_the_reference() {
    let config = Config {
        cases: SCOPES,
        max_global_rejects: SCOPES / 50,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    };
    let seen = RefCell::new(reference::Seen::default());
    let moves = Moves::default();
    let skipped = Skipped::default();
    match TestRunner::new(config).run(&case(PATHS), |case| check(&case, &seen, &moves, &skipped)) {
        Ok(()) => {}
        // The reason has the scope and the path.
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
    // A generator that misses half of the answers would make a test that proves little.
    seen.into_inner().assert_varied();
    assert!(moves.into_inner().iter().all(|count| *count > 2000));
    assert!(
        skipped.get().iter().all(|count| *count > 2000),
        "{skipped:?}"
    );
}
