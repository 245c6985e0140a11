//! Random trees and rules: what is granted is never more than the rules permit, also with what does
//! not exist yet, and every file that they permit is granted.

use std::{cell::Cell, path::PathBuf};

use agentguard_common::{path::Access, verdict::Action};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{Tree, Walked, walked};
use crate::policy::{
    Mode,
    paths::{Compiled, PathRule, compile},
};

const CASES: u32 = 300;

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab", "c"])
}

fn component() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab", "c", "a*", "*b", "*", "**"])
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..5).prop_map(|names| names.join("/"))
}

fn rules() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let list = prop::sample::select(vec![
        "read",
        "read",
        "write",
        "exec",
        "deny",
        "observe deny",
    ]);
    let pattern = prop::collection::vec(component(), 1..5).prop_map(|all| all.join("/"));
    prop::collection::vec((list, pattern), 1..6)
}

/// Whether what was granted lets a path be used.
fn is_granted(walked: &Walked, path: &std::path::Path, access: Access) -> bool {
    walked
        .granted
        .0
        .iter()
        .any(|((granted, is_whole), accesses)| {
            let covers = if *is_whole {
                path.starts_with(granted)
            } else {
                path == granted
            };
            covers && accesses.contains(access)
        })
}

fn permits(compiled: &Compiled, path: &std::path::Path, access: Access) -> bool {
    let names = path
        .components()
        .skip(1)
        .map(|it| it.as_os_str().as_encoded_bytes());
    compiled.decide(names, access).action != Action::Refuse
}

#[test]
fn grants_are_never_wider_than_the_rules() {
    let (granted, narrower) = (Cell::new(0), Cell::new(0));
    let strategy = (
        prop::collection::vec(path(), 1..12),
        rules(),
        prop::collection::vec(path(), 60),
    );
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&strategy, |(files, texts, questions)| {
        let tree = Tree::new(&[]);
        for file in &files {
            // A file may stand where another path needs a directory.
            let file = tree.root().join(file);
            let _ = file.parent().map(std::fs::create_dir_all);
            let _ = std::fs::File::create_new(file);
        }
        let rules: Vec<PathRule> = texts
            .iter()
            .zip(0..)
            .map(|((list, pattern), number)| tree.rule(number, list, pattern))
            .collect();
        let walked = walked(&rules);
        let compiled = compile(&rules, Mode::Enforce)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let asked = questions.iter().chain(&files);
        let paths: Vec<PathBuf> = asked.map(|path| tree.root().join(path)).collect();
        for path in &paths {
            for access in [Access::Read, Access::Write, Access::Exec] {
                let permitted = permits(&compiled, path, access);
                let is_granted = is_granted(&walked, path, access);
                prop_assert!(
                    permitted || !is_granted,
                    "{} ({}) is granted and not permitted: {texts:?} {files:?}",
                    tree.short(path),
                    access.name()
                );
                if path.is_file() {
                    prop_assert_eq!(
                        permitted,
                        is_granted,
                        "{} ({}): {:?}",
                        tree.short(path),
                        access.name(),
                        texts
                    );
                }
                granted.set(granted.get() + u32::from(is_granted));
                narrower.set(narrower.get() + u32::from(permitted && !is_granted));
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // A generator that never gets there would prove nothing.
    assert!(
        granted.get() > 1000 && narrower.get() > 1000,
        "{granted:?} {narrower:?}"
    );
}
