//! Rules about files and sockets, from TOML to a verdict.

use agentguard_common::{
    limits::{MAX_PATH_RULES, MAX_POSITIONS},
    path::Access,
    rules::NO_RULE,
    verdict::{Action, Verdict},
};

use super::{errors, scope};
use crate::policy::{Compiled, Mode, PathList, Scope, compile, paths};

fn with(sections: &str) -> Scope {
    scope(&format!("[agent]\nname = \"bot\"\n{sections}\n"))
}

fn error(sections: &str) -> String {
    errors(&format!("[agent]\nname = \"bot\"\n{sections}\n"))
}

fn compiled(sections: &str) -> Compiled {
    compile(&with(sections)).unwrap()
}

fn names(path: &str) -> impl Iterator<Item = &[u8]> {
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(str::as_bytes)
}

fn decide(tables: &paths::Compiled, path: &str, access: Access) -> (Action, u16) {
    let Verdict { action, rule, .. } = tables.decide(names(path), access);
    (action, rule)
}

#[test]
fn rules_are_numbered_as_they_stand_in_the_file() {
    use Mode::{Enforce, Observe};
    use PathList::{Connect, Deny, Read, Write};

    let scope = with(
        "[sockets]\nconnect = [\"/run/a\"]\n[files]\nwrite = [\"/b/**\"]\n\
         deny = [{ path = \"**/.env\", mode = \"observe\" }]\nread = [\n  \"/c\",\n  '/d d/*',\n]",
    );
    let files = scope.files.as_ref().unwrap();
    let rules: Vec<_> = files
        .iter()
        .map(|it| {
            let rule = it.rule;
            (
                it.number,
                it.text(),
                rule.list,
                rule.mode,
                rule.line,
                rule.column,
            )
        })
        .collect();
    assert_eq!(
        rules,
        [
            (0, "connect /run/a", Connect, Enforce, 4, 12),
            (1, "write /b/**", Write, Enforce, 6, 10),
            (2, "deny **/.env", Deny, Observe, 7, 9),
            (3, "read /c", Read, Enforce, 9, 3),
            (4, "read /d d/*", Read, Enforce, 10, 3),
        ]
    );
}

#[test]
fn lists_are_accesses() {
    let compiled = compiled(
        "[files]\nread = [\"/r\"]\nwrite = [\"/w\"]\nexec = [\"/x\"]\ndeny = [\"/**/d\"]\n\
         [sockets]\nconnect = [\"/s\", \"@a/b*\", \"/d\"]",
    );
    let tables = compiled.paths().unwrap();
    for (path, permitted) in [
        ("/r", vec![Access::Read]),
        ("/w", vec![Access::Read, Access::Write]),
        ("/x", vec![Access::Read, Access::Exec]),
        ("/s", vec![Access::Connect]),
        ("/d", vec![]),
        ("/o", vec![]),
        ("/@a", vec![]),
    ] {
        for access in Access::ALL {
            let (action, _) = decide(tables, path, access);
            let is_permitted = action == Action::Permit;
            assert_eq!(
                is_permitted,
                permitted.contains(&access),
                "{path} {access:?}"
            );
        }
    }
    let socket = |name: &[u8]| tables.decide([name], Access::Connect).action;
    assert_eq!(socket(b"@a/bc"), Action::Permit);
    assert_eq!(socket(b"@a/c"), Action::Refuse);
    // A denial is of sockets, too.
    assert_eq!(decide(tables, "/d", Access::Connect), (Action::Refuse, 3));
}

#[test]
fn any_section_confines_files_and_sockets() {
    let nothing = compiled("[network]\nallow = [\"10.0.0.1\"]");
    assert!(nothing.paths().is_none());
    for sections in ["[files]", "[sockets]", "[process]", "profiles = []"] {
        let compiled = compiled(sections);
        let tables = compiled.paths().unwrap_or_else(|| panic!("{sections}"));
        for access in Access::ALL {
            let verdict = decide(tables, "/etc/passwd", access);
            assert_eq!(verdict, (Action::Refuse, NO_RULE), "{sections}");
        }
    }
}

#[test]
fn rules_and_agents_can_be_observed() {
    let rules = "[files]\nread = [\"/a/**\"]\ndeny = [{ path = \"/a/b\", mode = \"observe\" }]";
    let enforced = compiled(rules);
    let enforced = enforced.paths().unwrap();
    assert_eq!(decide(enforced, "/a/b", Access::Read), (Action::Observe, 1));
    assert_eq!(
        decide(enforced, "/b", Access::Read),
        (Action::Refuse, NO_RULE)
    );
    let observing = compiled(&format!("mode = \"observe\"\n{rules}"));
    let observing = observing.paths().unwrap();
    assert_eq!(
        decide(observing, "/b", Access::Read),
        (Action::Observe, NO_RULE)
    );
}

#[test]
fn errors_in_patterns_have_their_place() {
    for (sections, message) in [
        (
            "[files]\nread = [\"/srv/../a\"]",
            "4:15: \"..\" is in no path that is compared; write the path without it, as `realpath` shows it",
        ),
        (
            "[files]\nread = [\"/a\", { path = \"/srv//a\" }]",
            "4:30: \"/srv//a\" has two slashes with nothing between them; write one",
        ),
        (
            "[files]\nwrite = [\"srv/a\"]",
            "4:11: \"srv/a\" is relative; a pattern begins with a slash, as in \"/srv/a\", or \"/**/srv/a\" for every directory",
        ),
        (
            "[files]\nexec = [\"\"]",
            "4:10: the pattern is empty; expected an absolute path, as in \"/srv/papers/**\"",
        ),
        (
            "[files]\ndeny = [\"~/.ssh\"]",
            "4:10: \"~/.ssh\" is relative; a pattern begins with a slash, and ~ has no meaning in it: write the directory out, as in \"/home/*/…\"",
        ),
        (
            "[sockets]\nconnect = [\"/@a\"]",
            "4:13: \"/@a\" would be the abstract socket \"@a\"; write that if it is meant, and give another socket a path that does not begin with /@",
        ),
    ] {
        assert_eq!(error(sections), format!("bot.toml:{message}"));
    }
    let long = error(&format!("[files]\nread = [\"/a/{}\"]", "b".repeat(256)));
    assert!(
        long.starts_with("bot.toml:4:13: the component that begins with"),
        "{long}"
    );
}

#[test]
fn errors_of_form_have_their_place() {
    for (sections, message) in [
        (
            "[files]\nreed = []",
            "4:1: unknown key \"reed\" in [files]; expected read, write, exec or deny; did you mean \"read\"?",
        ),
        (
            "[sockets]\nconnekt = []",
            "4:1: unknown key \"connekt\" in [sockets]; expected connect; did you mean \"connect\"?",
        ),
        (
            "[files]\nread = \"/a\"",
            "4:8: \"read\" in [files] is a string; expected an array of paths, as in [\"/srv/papers/**\"]",
        ),
        (
            "[sockets]\nconnect = \"/a\"",
            "4:11: \"connect\" in [sockets] is a string; expected an array of sockets, as in [\"/run/postgresql/.s.PGSQL.5432\"]",
        ),
        (
            "[[files]]",
            "3:1: \"files\" is an array; expected a table, as in [files]",
        ),
        (
            "[files]\ndeny = [1]",
            "4:9: an item of \"deny\" is an integer; expected a string, or a table as in { path = \"/srv/papers/**\", mode = \"observe\" }",
        ),
        (
            "[files]\ndeny = [{ mode = \"observe\" }]",
            "4:9: \"path\" in an item of [files] is missing; add path = \"**/.env\"",
        ),
        (
            "[files]\nread = [{ path = \"/a\", mod = \"observe\" }]",
            "4:24: unknown key \"mod\" in an item of \"read\"; expected path or mode; did you mean \"mode\"?",
        ),
        (
            "[sockets]\nconnect = [{ path = \"/a\" }]",
            "4:12: \"to\" in an item of \"connect\" is missing; add to = \"/run/postgresql/.s.PGSQL.5432\"\n\
             bot.toml:4:14: unknown key \"path\" in an item of \"connect\"; expected to or mode",
        ),
        (
            "[limits]\nconnections = \"1/min\"",
            "3:2: unknown key \"limits\" in the file; expected agent, match, network, files, sockets or process",
        ),
    ] {
        assert_eq!(error(sections), format!("bot.toml:{message}"));
    }
}

#[test]
fn rules_are_limited() {
    // No path has so many, so they are the same one.
    let lists = |read: usize, connect: usize| {
        let items = |count| "\n'/',".repeat(count);
        format!(
            "[files]\nread = [{}]\n[sockets]\nconnect = [{}]",
            items(read),
            items(connect)
        )
    };
    let scope = with(&lists(1000, 24));
    assert_eq!(scope.files.as_ref().unwrap().len(), MAX_PATH_RULES);
    // Rules that say the same take no room.
    assert!(compile(&scope).is_ok());
    assert_eq!(
        error(&lists(1000, 25)),
        "bot.toml:1031:1: the scope has 1025 rules about files and sockets, its profiles' included; \
         expected at most 1024; merge paths with * and **"
    );
    let with_profile = errors(&format!(
        "[agent]\nname = \"bot\"\nprofiles = [\n'base']\n{}\n",
        lists(1024, 0)
    ));
    assert!(
        with_profile.starts_with("bot.toml:4:1: the scope has 1")
            && with_profile.lines().count() == 1,
        "{with_profile}"
    );
}

#[test]
fn what_cannot_be_compiled_has_a_place() {
    // Two positions each.
    let full = (0..MAX_POSITIONS / 2).fold(String::new(), |all, number| {
        all + &format!("\n'/{number}',")
    });
    with(&format!("[files]\nread = [{full}]"));
    let line = 4 + MAX_POSITIONS / 2 + 1;
    let needed = MAX_POSITIONS + 4;
    let found = error(&format!("[files]\nread = [{full}\n'/a', '/b']"));
    assert!(
        found.starts_with(&format!(
            "bot.toml:{line}:1: the path patterns of the scope need {needed} positions"
        )),
        "{found}"
    );
    // The profile is what is too much.
    let found = errors(&format!(
        "[agent]\nname = \"bot\"\nprofiles = [\"base\"]\n[files]\nread = [{full}]\n"
    ));
    assert!(
        found.starts_with("bot.toml:3:13: the path patterns"),
        "{found}"
    );

    let globs = ('a'..='l').fold(String::new(), |all, letter| {
        all + &format!("\n'/*{letter}*',")
    });
    let found = error(&format!("[files]\nread = [{globs}\n'/x*']"));
    assert!(
        found.starts_with("bot.toml:16:1: the globs of the scope need"),
        "{found}"
    );
}
