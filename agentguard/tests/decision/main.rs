//! The decision over compiled rules against a naive reference.
//!
//! Random scopes are written as TOML, parsed and compiled; random questions about them, most of
//! them at the edges of a rule, are put to the shared decision and to the reference, which
//! compares prefixes and ranges one rule after another.

mod questions;
mod reference;
mod scopes;

use std::{cell::RefCell, path::Path};

use agentguard::policy::{Compiled, compile, parse};
use agentguard_common::{
    address::Address,
    decision::{Endpoint, Tables, Verdict, decide_answer, decide_bind, decide_destination},
    rules::RuleSet,
    scope::Row,
};
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, TestError, TestRunner},
};
use questions::{Case, Question, canonical, case};

/// Scopes of a run.
const SCOPES: u32 = 1500;
/// Questions about a scope.
const QUESTIONS: usize = 80;
/// Decisions that are asked of a question.
const OPERATIONS: usize = 3;

const _: () = assert!(SCOPES as usize * QUESTIONS * OPERATIONS >= 100_000);

/// A compiled scope that knows whether a peer is of the same agent.
struct Host<'a> {
    compiled: &'a Compiled,
    same_agent: bool,
}

impl Tables for Host<'_> {
    fn row(&self, index: u32) -> Option<&Row> {
        self.compiled.row(index)
    }

    fn same_agent(&self, _: &Endpoint) -> bool {
        self.same_agent
    }

    fn learned(&self, address: &Address) -> Option<RuleSet> {
        self.compiled.learned(address)
    }
}

/// What the shared code says to the three operations of a question.
fn decided(compiled: &Compiled, question: &Question) -> [Verdict; OPERATIONS] {
    let host = Host {
        compiled,
        same_agent: question.same_agent,
    };
    let endpoint = |address: Address, port| Endpoint {
        address,
        protocol: question.protocol,
        port,
    };
    let to = endpoint(canonical(question.to).destination(), question.to_port);
    let local = endpoint(canonical(question.local).canonical(), question.local_port);
    [
        decide_destination(&host, &to),
        decide_bind(&host, &local),
        decide_answer(&host, &local, &to),
    ]
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let text = case.scope.text();
    let scope = parse(Path::new("random.toml"), &text).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        TestCaseError::fail(format!("{text}\n{}", errors.join("\n")))
    })?;
    let compiled = compile(&scope).map_err(|error| TestCaseError::fail(error.to_string()))?;
    for question in case.questions() {
        let expected = reference::verdicts(&case.scope, &question);
        let found = decided(&compiled, &question);
        prop_assert_eq!(found, expected, "{:?}\n{}", question, text);
    }
    Ok(())
}

#[test]
fn the_decision_agrees_with_the_reference() {
    let config = Config {
        cases: SCOPES,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    };
    let seen = RefCell::new(reference::Seen::default());
    let result = TestRunner::new(config).run(&case(QUESTIONS), |case| {
        for question in case.questions() {
            seen.borrow_mut()
                .add(&reference::verdicts(&case.scope, &question));
        }
        check(&case)
    });
    match result {
        Ok(()) => {}
        // The reason has the scope and the question; the case has a thousand lines.
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
    // A generator that misses half of the answers would make a test that proves little.
    seen.into_inner().assert_varied();
}
