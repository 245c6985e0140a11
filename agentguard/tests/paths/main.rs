//! The decision over compiled path patterns against a naive reference.
//!
//! Random scopes over a small alphabet, so that patterns overlap and match; random paths, put to the
//! shared decision and to the reference, which tries one rule after another, by recursion.

mod reference;
mod scopes;

use std::cell::RefCell;

use agentguard::policy::{
    Mode,
    paths::{CompileError, Effect, PathRule, compile},
};
use agentguard_common::path::Access;
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

fn check(case: &Case, seen: &RefCell<reference::Seen>) -> Result<(), TestCaseError> {
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
    match TestRunner::new(config).run(&case(PATHS), |case| check(&case, &seen)) {
        Ok(()) => {}
        // The reason has the scope and the path.
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
    // A generator that misses half of the answers would make a test that proves little.
    seen.into_inner().assert_varied();
}
