//! Keys, types and syntax.

use super::{errors, scope};
use crate::policy::Mode;

#[test]
fn a_whole_scope_is_read() {
    let scope = scope(
        "[agent]\nname = \"research-bot\"\nowner = \"data@example.com\"\npurpose = \"Summarises\"\n\
         mode = \"observe\"\n[match]\nunits = [\"a.service\"]\ncgroups = [\"/agents.slice/a\"]\n\
         [network]\ndeny = [\"10.0.0.0/8\"]\nallow = [\"192.0.2.1:443\", { to = \"::1\", mode = \"observe\" }]\n\
         listen = [{ at = \"127.0.0.1:80\", mode = \"enforce\" }]\n",
    );
    assert_eq!(scope.agent.name, "research-bot");
    assert_eq!(scope.agent.owner.as_deref(), Some("data@example.com"));
    assert_eq!(scope.agent.purpose.as_deref(), Some("Summarises"));
    assert_eq!(scope.agent.mode, Mode::Observe);
    assert_eq!(scope.matches.units, ["a.service"]);
    assert_eq!(scope.matches.cgroups, ["/agents.slice/a"]);
    let rules: Vec<_> = scope
        .rules
        .iter()
        .map(|rule| {
            (
                rule.number,
                scope.text(rule),
                rule.mode,
                rule.line,
                rule.column,
            )
        })
        .collect();
    assert_eq!(
        rules,
        [
            (0, "deny 10.0.0.0/8", Mode::Enforce, 10, 9),
            (1, "allow 192.0.2.1:443", Mode::Enforce, 11, 10),
            (2, "allow ::1", Mode::Observe, 11, 27),
            (3, "listen 127.0.0.1:80", Mode::Enforce, 12, 11),
        ]
    );
}

#[test]
fn other_spellings_of_the_same_toml_are_the_same() {
    let plain = scope("[agent]\nname = \"a\"\n[network]\nallow = [\"10.0.0.1\"]\n");
    for text in [
        "agent.name = \"a\"\nnetwork.allow = [\"10.0.0.1\"]\n",
        "agent = { name = \"a\" }\nnetwork = { allow = [ '10.0.0.1', ] }\n",
        "\u{feff}[agent]\r\nname = \"a\"\r\n[network]\r\nallow = [ # why\r\n\"10.0.0.1\",\r\n]\r\n",
        "[network]\nallow = ['''10.0.0.1''']\n[agent]\nname = \"\\u0061\"\n",
    ] {
        let other = scope(text);
        assert_eq!(other.agent, plain.agent, "{text}");
        assert_eq!(
            other.rules[0].destination, plain.rules[0].destination,
            "{text}"
        );
    }
    let crlf =
        scope("\u{feff}[agent]\r\nname = \"a\"\r\n[network]\r\nallow = [\r\n  \"10.0.0.1\"]\r\n");
    assert_eq!((crlf.rules[0].line, crlf.rules[0].column), (5, 3));
}

#[test]
fn a_scope_needs_only_a_name() {
    let scope = scope("[agent]\nname = \"a\"\n");
    assert_eq!(scope.rules, []);
    assert_eq!(scope.agent.mode, Mode::Enforce);
}

#[test]
fn an_empty_file_lacks_its_agent() {
    let missing = "bot.toml:1:1: the section [agent] is missing; \
                   add [agent] with name = \"research-bot\"";
    for text in ["", "\n\n", "# nothing\n", "\u{feff}"] {
        assert_eq!(errors(text), missing, "{text:?}");
    }
    assert_eq!(
        errors("# c\n[agent]\nowner = \"x\"\n"),
        "bot.toml:2:1: \"name\" in [agent] is missing; add name = \"research-bot\""
    );
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    for (text, error) in [
        (
            "[agent]\nname = \"a\"\nower = \"b\"\n",
            "3:1: unknown key \"ower\" in [agent]; expected name, owner, purpose, mode, profiles or require; \
             did you mean \"owner\"?",
        ),
        (
            "[agent]\nname = \"a\"\nzzz = 1\n",
            "3:1: unknown key \"zzz\" in [agent]; expected name, owner, purpose, mode, profiles or require",
        ),
        (
            "[agent]\nname = \"a\"\n[netwrok]\nallow = []\n",
            "3:2: unknown key \"netwrok\" in the file; expected agent, match, network, files, sockets or process; \
             did you mean \"network\"?",
        ),
        (
            "[agent]\nname = \"a\"\n[match]\n  unit = []\n",
            "4:3: unknown key \"unit\" in [match]; expected units or cgroups; did you mean \"units\"?",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nallow = []\nDeny = []\n",
            "5:1: unknown key \"Deny\" in [network]; expected allow, deny or listen; \
             did you mean \"deny\"?",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nallow = [\"::1\",\n  { to = \"::1\", mod = \"observe\" }]\n",
            "5:17: unknown key \"mod\" in an item of \"allow\"; expected to, mode, private, tls or types; \
             did you mean \"mode\"?",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nlisten = [{ at = \"::1\", to = \"::1\" }]\n",
            "4:25: unknown key \"to\" in an item of \"listen\"; expected at or mode",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nallow = []\n\"\\u001b[2J\" = 1\n",
            "5:1: unknown key \"\\u{1b}[2J\" in [network]; expected allow, deny or listen",
        ),
    ] {
        assert_eq!(errors(text), format!("bot.toml:{error}"));
    }
}

#[test]
fn wrong_types_are_errors() {
    for (text, error) in [
        (
            "agent = 1\n",
            "1:9: \"agent\" is an integer; expected a table, as in [agent]",
        ),
        (
            "[[agent]]\nname = \"a\"\n",
            "1:1: \"agent\" is an array; expected a table, as in [agent]",
        ),
        (
            "[agent]\nname = 1.5\n",
            "2:8: \"name\" in [agent] is a float; expected a string, as in \"text\"",
        ),
        (
            "[agent]\nname = \"a\"\nmode = true\n",
            "3:8: \"mode\" in [agent] is a boolean; expected a string, as in \"text\"",
        ),
        (
            "[agent]\nname = \"a\"\nowner = 2020-01-01\n",
            "3:9: \"owner\" in [agent] is a date; expected a string, as in \"text\"",
        ),
        (
            "[agent]\nname = \"a\"\n[match]\nunits = \"a.service\"\n",
            "4:9: \"units\" in [match] is a string; \
             expected an array of strings, as in [\"research-bot.service\"]",
        ),
        (
            "[agent]\nname = \"a\"\n[match]\ncgroups = [1]\n",
            "4:12: an item of \"cgroups\" in [match] is an integer; expected a string",
        ),
        (
            "match = []\n[agent]\nname = \"a\"\n",
            "1:9: \"match\" is an array; expected a table, as in [match]",
        ),
        (
            "network = \"x\"\n[agent]\nname = \"a\"\n",
            "1:11: \"network\" is a string; expected a table, as in [network]",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nallow = \"10.0.0.1\"\n",
            "4:9: \"allow\" in [network] is a string; \
             expected an array of destinations, as in [\"10.0.0.0/8:443\"]",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nlisten = {}\n",
            "4:10: \"listen\" in [network] is a table; \
             expected an array of local addresses, as in [\"127.0.0.1:8080\"]",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\ndeny = [[\"10.0.0.1\"]]\n",
            "4:9: an item of \"deny\" is an array; expected a string, \
             or a table as in { to = \"10.0.0.0/8:443\", mode = \"observe\" }",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\ndeny = [{ to = 1 }]\n",
            "4:16: \"to\" in an item of \"deny\" is an integer; expected a string, as in \"text\"",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\ndeny = [{ mode = \"observe\" }]\n",
            "4:9: \"to\" in an item of \"allow\" or \"deny\" is missing; add to = \"10.20.6.0/24\"",
        ),
        (
            "[agent]\nname = \"a\"\n[network]\nlisten = [{}]\n",
            "4:11: \"at\" in an item of \"listen\" is missing; add at = \"127.0.0.1:8080\"",
        ),
    ] {
        assert_eq!(errors(text), format!("bot.toml:{error}"));
    }
}

#[test]
fn syntax_errors_have_their_place() {
    for (text, error) in [
        (
            "[agent\nname = \"a\"\n",
            "1:7: not TOML: unclosed table, expected `]`",
        ),
        (
            "[agent]\nname = \"a\n",
            "2:10: not TOML: invalid basic string, expected `\"`",
        ),
        (
            "[agent]\nname = \"a\"\nname = \"b\"\n",
            "3:1: not TOML: duplicate key: \"name\"",
        ),
        (
            "[agent]\nname = \"a\"\n[agent]\n",
            "3:2: not TOML: duplicate key: \"agent\"",
        ),
        (
            "[agent]\nname = bot\n",
            "2:8: not TOML: string values must be quoted, expected literal string: \"bot\"",
        ),
        (
            "[agent]\nname\n",
            "2:5: not TOML: key with no value, expected `=`",
        ),
    ] {
        assert_eq!(errors(text), format!("bot.toml:{error}"));
    }
}

#[test]
fn every_error_of_a_file_is_reported_in_order() {
    let text = "[agent]\nname = \"A\"\nmode = \"enforced\"\nowner = 1\n[match]\nunits = [\"x\"]\n\
                [network]\nallow = [\"10.0.0.1/8\", \"!k\", \"1.2.3.4:0\"]\nfoo = 1\n";
    let places: Vec<_> = errors(text)
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        places,
        [
            "bot.toml:2:8:",
            "bot.toml:3:8:",
            "bot.toml:4:9:",
            "bot.toml:6:10:",
            "bot.toml:8:11:",
            "bot.toml:8:25:",
            "bot.toml:8:39:",
            "bot.toml:9:1:",
        ]
    );
    let two = errors("[agent]\nname = a\nmode = b\n");
    assert_eq!(two.lines().count(), 2);
}

#[test]
fn a_hundred_errors_are_enough() {
    let text = format!(
        "[agent]\nname = \"a\"\n[network]\nallow = [\n{}]\n",
        "\"!\",\n".repeat(150)
    );
    let errors = errors(&text);
    assert_eq!(errors.lines().count(), 101);
    assert_eq!(
        errors.lines().last(),
        Some("bot.toml:156:1: 50 more errors; mend the first ones and check again")
    );
}

#[test]
fn hostile_texts_end_in_errors() {
    for text in [
        "[".repeat(1 << 20),
        format!("a={}", "[".repeat((1 << 20) - 2)),
        "a={".repeat(1 << 18),
        "a.".repeat(1 << 19),
        "a=1\n".repeat(1 << 18),
        "\0".repeat(1 << 20),
    ] {
        let errors = errors(&text);
        assert!((1..=101).contains(&errors.lines().count()), "{errors}");
        assert!(errors.len() < 100_000);
    }
}
