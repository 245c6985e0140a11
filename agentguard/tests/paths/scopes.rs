//! Random path rules and paths over a small alphabet.

use agentguard_common::path::Access;
use proptest::{collection::vec, prelude::*, sample::select};

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) number: u16,
    pub(crate) pattern: String,
    /// What it allows; if nothing, it denies.
    pub(crate) allow: Vec<Access>,
    pub(crate) observe: bool,
}

/// A scope and paths, each as its names.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) observe: bool,
    pub(crate) rules: Vec<Rule>,
    pub(crate) paths: Vec<Vec<String>>,
}

pub(crate) fn case(paths: usize) -> impl Strategy<Value = Case> {
    // Long scopes fill every word of a set: a rule has at most nine positions.
    let rules = prop_oneof![3 => vec(rule(), 0..6), 1 => vec(rule(), 60..=112)];
    // Some scopes have no observed rule at all: the decision has a way of its own for them.
    let observed = select(vec![0.0, 0.4]);
    (
        prop::bool::weighted(0.2),
        rules,
        observed,
        vec(vec(name(), 0..7), paths),
    )
        .prop_map(|(observe, rules, observed, paths)| Case {
            observe,
            rules: rules
                .into_iter()
                .map(|(rule, chance)| Rule {
                    observe: chance < observed,
                    ..rule
                })
                .collect(),
            paths,
        })
}

fn rule() -> impl Strategy<Value = (Rule, f64)> {
    let allow = prop_oneof![
        1 => Just(Vec::new()),
        2 => select(Access::ALL.to_vec()).prop_map(|access| vec![access]),
        1 => Just(vec![Access::Read, Access::Write]),
    ];
    // Numbers out of order, some of them twice.
    (0..100_u16, pattern(), allow, 0.0..1.0).prop_map(|(number, pattern, allow, chance)| {
        let rule = Rule {
            number,
            pattern,
            allow,
            observe: false,
        };
        (rule, chance)
    })
}

fn pattern() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        4 => name(),
        3 => glob(),
        2 => Just("*".to_owned()),
        3 => Just("**".to_owned()),
    ];
    vec(component, 0..=8).prop_map(|components| format!("/{}", components.join("/")))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(vec!["a", "b"]).prop_map(str::to_owned),
        2 => vec(select(vec!['a', 'b', 'ü']), 1..=6).prop_map(String::from_iter),
    ]
}

/// Short: globs with bytes between two `*` multiply the states of the automaton.
fn glob() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (part(0), part(0)).prop_map(|(a, b)| format!("{a}*{b}")),
        1 => (part(0), part(1), part(0)).prop_map(|(a, b, c)| format!("{a}*{b}*{c}")),
    ]
    .prop_map(|glob| if glob == "*" { "*a".to_owned() } else { glob })
}

/// Bytes of a glob, at least so many.
fn part(least: usize) -> impl Strategy<Value = String> {
    vec(select(vec!['a', 'b']), least..=3).prop_map(String::from_iter)
}
