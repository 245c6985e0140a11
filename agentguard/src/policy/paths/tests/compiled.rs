//! What patterns match, and the limits of a scope.

use agentguard_common::{
    path::Access,
    rules::NO_RULE,
    verdict::{Action, Reason, Verdict},
};

use super::{compiled, matches, names, pattern, read};
use crate::policy::{
    Mode,
    paths::{CompileError, Effect, PathRule, compile},
};

#[test]
fn any_depth_is_any_number_of_names() {
    for (pattern, matching, other) in [
        ("/", vec!["/"], vec!["/a"]),
        ("/**", vec!["/", "/a", "/a/b/c"], vec![]),
        (
            "/a/**",
            vec!["/a", "/a/b", "/a/b/c"],
            vec!["/", "/b", "/ab", "/b/a"],
        ),
        (
            "/**/a",
            vec!["/a", "/b/a", "/a/a", "/b/c/a"],
            vec!["/", "/a/b", "/ba"],
        ),
        (
            "/a/**/b",
            vec!["/a/b", "/a/c/b", "/a/b/b"],
            vec!["/a", "/b", "/a/b/c", "/c/b"],
        ),
        (
            "/**/a/**/b/**",
            vec!["/a/b", "/x/a/y/b/z", "/a/a/b", "/b/a/b"],
            vec!["/a", "/b", "/b/a", "/x/b/y/a"],
        ),
        ("/**/**", vec!["/", "/a", "/a/b"], vec![]),
        (
            "/a/**/**/**/b",
            vec!["/a/b", "/a/c/d/b"],
            vec!["/a", "/a/b/c"],
        ),
        ("/**/*", vec!["/a", "/a/b"], vec!["/"]),
        ("/*/**", vec!["/a", "/a/b"], vec!["/"]),
        ("/**/*/*", vec!["/a/b", "/a/b/c"], vec!["/", "/a"]),
    ] {
        for path in matching {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for path in other {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}

#[test]
fn any_name_is_one_name() {
    for (path, is_match) in [
        ("/a/b/c", true),
        ("/a/bcd/c", true),
        ("/a/c", false),
        ("/a/b/b/c", false),
        ("/a/b", false),
    ] {
        assert_eq!(matches("/a/*/c", path), is_match, "{path}");
    }
}

/// The rule that decides, and whether it permits.
fn decided(rules: &[PathRule], path: &str, access: Access) -> (Action, u16) {
    let Verdict {
        action,
        reason,
        rule,
    } = compiled(rules).decide(names(path), access);
    let is_rule = rule != NO_RULE;
    assert_eq!(
        reason,
        if is_rule {
            Reason::Rule
        } else {
            Reason::NoRule
        }
    );
    (action, rule)
}

#[test]
fn deny_beats_allow_and_the_lowest_rule_decides() {
    let rule = |number, text: &str, effect: &Effect| PathRule {
        effect: effect.clone(),
        ..read(number, text)
    };
    let write = Effect::Allow(vec![Access::Write, Access::Exec]);
    // Numbers decide, not the order.
    let rules = [
        read(9, "/a/**"),
        rule(8, "/a/b", &Effect::Deny),
        rule(5, "/**/c", &write),
        read(2, "/a/b/*"),
        rule(4, "/**/b", &Effect::Deny),
    ];
    for (path, access, expected) in [
        ("/a", Access::Read, (Action::Permit, 9)),
        ("/a/b/x", Access::Read, (Action::Permit, 2)),
        ("/a/b", Access::Read, (Action::Refuse, 4)),
        ("/a/b", Access::Exec, (Action::Refuse, 4)),
        ("/a/c", Access::Write, (Action::Permit, 5)),
        ("/a/c", Access::Exec, (Action::Permit, 5)),
        ("/c", Access::Read, (Action::Refuse, NO_RULE)),
        ("/a", Access::Write, (Action::Refuse, NO_RULE)),
        ("/x", Access::Read, (Action::Refuse, NO_RULE)),
    ] {
        assert_eq!(decided(&rules, path, access), expected, "{path} {access:?}");
    }
}

#[test]
fn observed_rules_refuse_nothing() {
    let observed = |rule| PathRule {
        mode: Mode::Observe,
        ..rule
    };
    let deny = |number, text: &str| PathRule {
        effect: Effect::Deny,
        ..read(number, text)
    };
    let rules = [
        read(1, "/a/**"),
        observed(deny(2, "/a/b")),
        observed(read(3, "/c")),
        deny(4, "/a/d"),
        observed(deny(0, "/a/d")),
    ];
    for (path, expected) in [
        ("/a", (Action::Permit, 1)),
        ("/a/b", (Action::Observe, 2)),
        ("/c", (Action::Observe, 3)),
        ("/a/d", (Action::Refuse, 4)),
        ("/d", (Action::Refuse, NO_RULE)),
    ] {
        assert_eq!(decided(&rules, path, Access::Read), expected, "{path}");
    }
    let compiled = compile(&rules, Mode::Observe).unwrap();
    for (path, rule) in [("/a/d", 4), ("/d", NO_RULE)] {
        let verdict = compiled.decide(names(path), Access::Read);
        assert_eq!((verdict.action, verdict.rule), (Action::Observe, rule));
    }
}

#[test]
fn a_scope_without_rules_refuses() {
    assert_eq!(decided(&[], "/", Access::Read), (Action::Refuse, NO_RULE));
}

#[test]
fn a_scope_has_1024_positions() {
    // Two for each pattern.
    let mut rules: Vec<_> = (0..512)
        .map(|number| read(number, &format!("/{number}")))
        .collect();
    for number in 0..512 {
        assert_eq!(
            decided(&rules, &format!("/{number}"), Access::Read),
            (Action::Permit, number)
        );
    }
    rules.push(read(512, "/"));
    assert_eq!(
        compile(&rules, Mode::Enforce),
        Err(CompileError::Positions { needed: 1025 })
    );
    assert_eq!(
        CompileError::Positions { needed: 1025 }.to_string(),
        "the path patterns of the scope need 1025 positions (one for each component and one more for each pattern), and 1024 is the limit; write fewer or shorter patterns, with * or ** where several differ in a name"
    );
    // Several `**` in a row are one.
    rules.truncate(511);
    rules.push(read(511, "/**/**/**"));
    assert_eq!(decided(&rules, "/a/b", Access::Read), (Action::Permit, 511));
}

#[test]
fn the_longest_pattern_matches_the_longest_path() {
    let text = "/a".repeat(128);
    for pattern in [
        text.clone(),
        "/*".repeat(128),
        "/**".to_owned(),
        text.clone() + "/**",
    ] {
        assert!(matches(&pattern, &text), "{pattern}");
        let compiled = compiled(&[read(3, &pattern)]);
        let verdict = compiled.decide(names(&(text.clone() + "/a")), Access::Read);
        assert_eq!(verdict, Verdict::ERROR, "{pattern}");
    }
    // It crosses every word of a set, from any place.
    for before in 0..64 {
        let mut rules: Vec<_> = (0..before).map(|number| read(number, "/")).collect();
        rules.push(read(100, &text));
        assert_eq!(decided(&rules, &text, Access::Read), (Action::Permit, 100));
        assert_eq!(pattern(&text).components().len(), 128);
    }
}
