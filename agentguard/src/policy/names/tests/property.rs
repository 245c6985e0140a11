//! Random scopes and names, held against a reference.

use std::{cell::RefCell, collections::BTreeMap, time::Instant};

use agentguard_common::{
    address::Address,
    decision::{Endpoint, Tables, Verdict, decide_destination},
    protocol::Protocol,
    rules::RuleSet,
    scope::Row,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};

use super::{
    super::Names,
    network,
    reference::{Rule, judge, name, rule},
};
use crate::policy::{Compiled, Mode, compile};

/// Scopes, and names that each is asked about.
const SCOPES: u32 = 1000;
const NAMES: usize = 30;

/// Where the addresses of a name are connected to.
const PLACES: [(Protocol, u16); 5] = [
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 443),
    (Protocol::Tcp, 444),
    (Protocol::Udp, 443),
    (Protocol::Icmp, 0),
];

/// The kernel's tables, after an address was learned.
struct Kernel {
    compiled: Compiled,
    learned: RuleSet,
}

impl Kernel {
    fn decide(&self, protocol: Protocol, port: u16) -> Verdict {
        let address = Address::from_v4(0xc000_0201);
        let to = Endpoint {
            address,
            protocol,
            port,
        };
        decide_destination(self, &to)
    }
}

impl Tables for Kernel {
    fn row(&self, index: u32) -> Option<&Row> {
        self.compiled.row(index)
    }

    fn same_agent(&self, _: &Endpoint) -> bool {
        false
    }

    fn learned(&self, _: &Address) -> Option<RuleSet> {
        Some(self.learned)
    }
}

#[test]
fn every_judgement_is_that_of_the_reference() {
    let seen = RefCell::new(BTreeMap::<String, usize>::new());
    let config = Config {
        cases: SCOPES,
        failure_persistence: None,
        ..Config::default()
    };
    let types = select(vec![1_u16, 28, 65, 16, 15, 2, 255]);
    // Two of three are of a name that some rule has, or beneath it.
    let of_rule = (any::<Index>(), select(vec!["", "", "q.", "a.B."]));
    let question = (name(), prop::option::weighted(0.66, of_rule), types);
    let questions = vec(question, NAMES);
    let observing = prop::bool::weighted(0.2);
    let strategy = (vec(rule(), 1..20), questions, observing);
    let run = TestRunner::new(config).run(&strategy, |(rules, questions, is_observing)| {
        let of =
            |is_deny: bool| -> Vec<_> { rules.iter().filter(|it| it.is_deny == is_deny).collect() };
        let (allow, deny) = (of(false), of(true));
        let texts = |rules: &[&Rule]| {
            rules
                .iter()
                .map(|rule| rule.text())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut scope = network(&format!(
            "allow = [{}]\ndeny = [{}]",
            texts(&allow),
            texts(&deny)
        ));
        if is_observing {
            scope.agent.mode = Mode::Observe;
        }
        let numbered: Vec<Rule> = allow.into_iter().chain(deny).cloned().collect();
        let names = Names::new(&scope);
        let mut kernel = Kernel {
            compiled: compile(&scope).unwrap(),
            learned: RuleSet::EMPTY,
        };
        for (name, of_rule, record_type) in &questions {
            let name = match of_rule {
                Some((rule, front)) => &format!("{front}{}", rule.get(&numbered).name),
                None => name,
            };
            let found = names.judge(name, *record_type);
            let expected = judge(&numbered, is_observing, name, *record_type);
            prop_assert_eq!(found, expected, "{} {} {:?}", name, record_type, numbered);
            kernel.learned = found.rules;
            for (protocol, port) in PLACES {
                let decided = kernel.decide(protocol, port);
                let expected = names.decide(&scope, name, protocol, port);
                let (decided, expected) = (
                    (decided.action, decided.rule),
                    (expected.action, expected.rule),
                );
                prop_assert_eq!(decided, expected, "{} {:?}", name, numbered);
            }
            let kind = format!("{:?} {}", found.verdict.action, found.verdict.reason.name());
            let mut seen = seen.borrow_mut();
            *seen.entry(kind).or_default() += 1;
            *seen
                .entry(format!("private {:?}", found.private))
                .or_default() += 1;
            *seen.entry("all".to_owned()).or_default() += 1;
        }
        Ok(())
    });
    run.unwrap();
    let seen = seen.into_inner();
    let count = |kind: &str| seen.get(kind).copied().unwrap_or_default();
    assert_eq!(count("all"), SCOPES as usize * NAMES);
    for (kind, least) in [
        ("Permit rule", 1000),
        ("Refuse rule", 1000),
        ("Refuse no-rule", 1000),
        ("Refuse question", 500),
        ("Observe rule", 500),
        ("Observe no-rule", 200),
        ("Observe question", 50),
        ("private Permit", 500),
        ("private Observe", 500),
        ("private Refuse", 1000),
    ] {
        assert!(count(kind) >= least, "{kind}: {seen:?}");
    }
}

#[test]
fn as_many_rules_as_there_can_be_are_matched_in_a_moment() {
    let items: Vec<_> = (0..256)
        .map(|number| match number % 4 {
            0 => format!("\"n{number}.example:443\""),
            1 => format!("\"*.n{number}.example:443\""),
            2 => format!("\"*.{}n.example:443\"", "a.".repeat(number / 3)),
            _ => format!("\"a.b.c.d{number}.example\""),
        })
        .collect();
    let names = Names::new(&network(&format!("allow = [{}]", items.join(", "))));
    let deepest = format!("{}n.example", "a.".repeat(121));
    let questions = [
        ("N4.example.", true),
        ("a.b.n1.example", true),
        ("n1.example", false),
        (deepest.as_str(), true),
        ("a.b.c.d.e.f.g.other.test", false),
    ];
    let start = Instant::now();
    for _ in 0..20_000 {
        for (name, expected) in questions {
            assert_eq!(names.matching(name).allow.is_empty(), !expected, "{name}");
        }
    }
    let each = start.elapsed() / 100_000;
    let limit = if cfg!(debug_assertions) { 200 } else { 10 };
    assert!(each.as_micros() < limit, "{each:?}");
}
