//! Globs, and the limits of their automaton.

use agentguard_common::{limits::MAX_GLOB_STATES, path::Access, rules::NO_RULE, verdict::Action};

use super::{compiled, matches, names, read};
use crate::policy::{
    Mode,
    paths::{CompileError, Effect, PathRule, compile, socket_pattern},
};

#[test]
fn stars_are_any_bytes() {
    for (glob, matching, other) in [
        ("a*", vec!["a", "ab", "aaa", "a*"], vec!["b", "ba"]),
        ("*a", vec!["a", "ba", "aaa", "aba"], vec!["b", "ab", "aab"]),
        ("*a*", vec!["a", "ba", "ab", "bab"], vec!["b", "bcb"]),
        (
            "a*b*c",
            vec!["abc", "axbxc", "abbcc", "abcbc", "a*b*c"],
            vec!["ac", "acb", "abcx", "xabc", "ab"],
        ),
        (
            "*.so.*",
            vec!["x.so.1", ".so.", "..so.so.1", ".s.so.", "a.so.b.so.c"],
            vec!["x.so", "xso.1", ".so", ".soo."],
        ),
        (
            "*aab",
            vec!["aab", "aaab", "aabaab", "xaaab"],
            vec!["aaba", "ab", "aabb"],
        ),
        (
            "*abab*",
            vec!["abab", "aabab", "ababab", "xabaabab"],
            vec!["abaab", "aba"],
        ),
        (
            "ab*ab",
            vec!["abab", "abxab", "ababab"],
            vec!["ab", "aab", "abaa"],
        ),
        (
            "python3*",
            vec!["python3", "python3.13"],
            vec!["python", "python2"],
        ),
        ("*ü", vec!["ü", "xü"], vec!["u", "ü."]),
    ] {
        let glob = format!("/{glob}");
        for name in matching {
            assert!(matches(&glob, &format!("/{name}")), "{glob} {name}");
        }
        for name in other {
            assert!(!matches(&glob, &format!("/{name}")), "{glob} {name}");
        }
    }
}

#[test]
fn names_are_bytes() {
    let compiled = compiled(&[read(0, "/a*"), read(1, "/*")]);
    for (name, rule) in [
        (b"a\xff\xfe".as_slice(), 0),
        (b"\xff", 1),
        (b"a\n", 0),
        (b"*", 1),
    ] {
        assert_eq!(compiled.decide([name], Access::Read).rule, rule);
    }
}

#[test]
fn abstract_sockets_are_one_name() {
    let rule = |number, text: &str| PathRule {
        pattern: socket_pattern(text).unwrap(),
        effect: Effect::Allow(vec![Access::Connect]),
        ..read(number, "/")
    };
    let compiled = compiled(&[
        rule(0, "@/tmp/.X11-unix/*"),
        rule(1, "@bus"),
        rule(2, "/run/bus"),
        rule(3, "@\u{1}*\u{7f}"),
    ]);
    for (name, rule) in [
        (b"@/tmp/.X11-unix/X0".as_slice(), 0),
        (b"@/tmp/.X11-unix/X0/\0", 0),
        (b"@/tmp/.X11-unix", NO_RULE),
        // Bytes that are in no glob are none of those that are.
        (b"@\xfetmp\xfe.X11-unix\xfeX0", NO_RULE),
        (b"@bus", 1),
        (b"bus", NO_RULE),
        (b"@bus\0", NO_RULE),
        (b"@\x01/\0*\xff\x7f", 3),
        (b"@\x01/", NO_RULE),
    ] {
        let verdict = compiled.decide([name], Access::Connect);
        assert_eq!(verdict.rule, rule, "{}", name.escape_ascii());
        assert_eq!(compiled.decide([name], Access::Read).rule, NO_RULE);
    }
    assert_eq!(compiled.decide(names("/run/bus"), Access::Connect).rule, 2);
}

#[test]
fn globs_see_255_bytes() {
    let long = "x".repeat(254);
    assert!(matches("/*y", &format!("/{long}y")));
    assert!(!matches("/*y", &format!("/{long}x")));
    assert!(matches("/y*", &format!("/y{long}")));
    assert!(matches(&format!("/{long}*"), &format!("/{long}y")));
    assert!(matches(&format!("/*{long}"), &format!("/y{long}")));
}

#[test]
fn one_automaton_tells_all_globs_apart() {
    let compiled = compiled(&[
        read(0, "/d/*.pem"),
        read(1, "/d/*.p*"),
        read(2, "/e/*.pem"),
        read(3, "/*/id_*"),
        read(4, "/*/*_*.pem"),
    ]);
    for (path, rule) in [
        ("/d/x.pem", 0),
        ("/d/x.py", 1),
        ("/e/x.pem", 2),
        ("/e/id_x.pem", 2),
        ("/x/id_x.pem", 3),
        ("/x/x_x.pem", 4),
    ] {
        let verdict = compiled.decide(names(path), Access::Read);
        assert_eq!(
            (verdict.action, verdict.rule),
            (Action::Permit, rule),
            "{path}"
        );
    }
}

#[test]
fn every_byte_can_be_a_class() {
    // As UTF-8 has them.
    let all: String = (1..=0x7f)
        .map(char::from)
        .filter(|character| !"/*.".contains(*character))
        .chain([
            '\u{80}',
            'ü',
            '\u{7ff}',
            '\u{800}',
            '\u{ffff}',
            '\u{10ffff}',
        ])
        .collect();
    assert!(matches(&format!("/{all}*"), &format!("/{all}x")));
    assert!(!matches(&format!("/{all}*"), &format!("/x{all}")));
}

#[test]
fn states_have_a_limit() {
    // Any combination of twelve bytes can have been in the name.
    let globs = |count: u8| -> Vec<_> {
        (0..count)
            .map(|number| read(0, &format!("/*{}*", char::from(b'a' + number))))
            .collect()
    };
    // One state for each combination, and the dead one.
    assert!(compile(&globs(11), Mode::Enforce).is_ok());
    assert_eq!(
        compile(&globs(12), Mode::Enforce),
        Err(CompileError::GlobStates)
    );
    assert_eq!(MAX_GLOB_STATES, 1 << 12);
    assert_eq!(
        CompileError::GlobStates.to_string(),
        "the globs of the scope need an automaton of more than 4096 states, since each name can match any combination of them; write fewer globs that have characters between two *, as \"*a*\" has"
    );
}

#[test]
fn endings_do_not_multiply() {
    let rules: Vec<_> = (0..200)
        .map(|number| read(number, &format!("/*.ending-{number}")))
        .collect();
    let compiled = compiled(&rules);
    for number in 0..200 {
        let path = format!("/x.ending-{number}");
        assert_eq!(compiled.decide(names(&path), Access::Read).rule, number);
    }
}
