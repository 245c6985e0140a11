//! The decision over compiled path patterns against a naive reference.
//!
//! Random scopes over a small alphabet, so that patterns overlap and match; random paths, put to the
//! shared decision and to the reference, which tries one rule after another, by recursion.

mod reference;
mod scopes;

use std::cell::RefCell;

use agentguard::policy::{
    Mode,
    paths::{CompileError, Compiled, Effect, PathRule, compile},
};
use agentguard_common::{
    path::{Access, gains},
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

fn check(case: &Case, seen: &RefCell<reference::Seen>, moves: &Moves) -> Result<(), TestCaseError> {
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
    check_moves(case, &compiled, moves)
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
    match TestRunner::new(config).run(&case(PATHS), |case| check(&case, &seen, &moves)) {
        Ok(()) => {}
        // The reason has the scope and the path.
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
    // A generator that misses half of the answers would make a test that proves little.
    seen.into_inner().assert_varied();
    assert!(moves.into_inner().iter().all(|count| *count > 2000));
}
