//! Names, modes, units, cgroups, and how many there can be.

use super::{errors, network, scope};

fn agent(line: &str) -> String {
    errors(&format!("[agent]\nname = \"a\"\n{line}\n"))
}

fn matching(line: &str) -> String {
    errors(&format!("[agent]\nname = \"a\"\n[match]\n{line}\n"))
}

#[test]
fn names_are_narrow() {
    let longest = "a".repeat(63);
    for name in ["a", "0", "a-b_c", "9-", longest.as_str()] {
        assert_eq!(
            scope(&format!("[agent]\nname = \"{name}\"\n")).agent.name,
            name
        );
    }
    let longer = "a".repeat(64);
    for name in [
        "",
        "A",
        "-a",
        "_a",
        "a b",
        "a.b",
        "a/b",
        "é",
        "..",
        longer.as_str(),
    ] {
        assert_eq!(
            errors(&format!("[agent]\nname = \"{name}\"\n")),
            format!(
                "bot.toml:2:8: {name:?} is no agent name; expected 1 to 63 characters \
                 a-z 0-9 _ -, the first a letter or a digit"
            )
        );
    }
    assert!(
        errors("[agent]\nname = \"a\\u001b[2J\"\n").contains(r#""a\u{1b}[2J" is no agent name"#)
    );
}

#[test]
fn modes_are_two() {
    assert_eq!(
        agent("mode = \"Enforce\""),
        "bot.toml:3:8: \"Enforce\" is no mode; expected \"enforce\" or \"observe\"; \
         did you mean \"enforce\"?"
    );
    assert_eq!(
        errors("[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"::1\", mode = \"off\" }]\n"),
        "bot.toml:4:31: \"off\" is no mode; expected \"enforce\" or \"observe\""
    );
}

#[test]
fn texts_are_one_line() {
    let long = "x".repeat(256);
    assert_eq!(
        scope(&format!("[agent]\nname = \"a\"\nowner = \"{long}\"\n"))
            .agent
            .owner,
        Some(long.clone())
    );
    let message =
        "bot.toml:3:9: \"owner\" must be one line of at most 256 bytes without control characters";
    assert_eq!(agent(&format!("owner = \"{long}x\"")), message);
    assert_eq!(agent("owner = \"a\\nb\""), message);
    assert_eq!(agent("owner = \"\\u001b[31m\""), message);
    assert_eq!(
        agent("purpose = \"\\t\""),
        "bot.toml:3:11: \"purpose\" must be one line of at most 1024 bytes without control characters"
    );
}

#[test]
fn units_have_processes() {
    let longest = format!("{}.service", "u".repeat(246));
    for unit in [
        "a.service",
        "a.slice",
        "a.scope",
        "a.socket",
        "a@1.service",
        "-.slice",
        &longest,
    ] {
        let text = format!("[agent]\nname = \"a\"\n[match]\nunits = ['{unit}']\n");
        assert_eq!(scope(&text).matches.units, [unit]);
    }
    let longer = format!("u{longest}");
    for (unit, message) in [
        (
            "a.timer",
            "\"a.timer\" is no unit with processes; expected a name that ends in .service, .slice, .scope or .socket",
        ),
        (
            "a",
            "\"a\" is no unit with processes; expected a name that ends in .service, .slice, .scope or .socket",
        ),
        (
            "x/a.service",
            "\"x/a.service\" is no unit name; expected a name of letters, digits and : - _ . \\ @, without a path or a pattern",
        ),
        (
            "*.service",
            "\"*.service\" is no unit name; expected a name of letters, digits and : - _ . \\ @, without a path or a pattern",
        ),
        (
            ".service",
            "\".service\" is no unit name; expected a name of letters, digits and : - _ . \\ @, without a path or a pattern",
        ),
        (
            "@1.service",
            "\"@1.service\" is no unit name; expected a name of letters, digits and : - _ . \\ @, without a path or a pattern",
        ),
        (
            "a@.service",
            "\"a@.service\" is a template and has no processes; name an instance, as in \"worker@1.service\"",
        ),
        (
            longer.as_str(),
            "the unit name has 255 bytes; expected at most 254",
        ),
    ] {
        assert_eq!(
            matching(&format!("units = [\"b.service\", '{unit}']")),
            format!("bot.toml:4:23: {message}")
        );
    }
}

#[test]
fn cgroups_are_paths_beneath_the_root() {
    let deepest = "/a".repeat(32);
    let longest = format!("/{}/{}", "a".repeat(126), "b".repeat(126));
    for path in [
        "/a",
        "/agents.slice/a b",
        "/a/..b",
        deepest.as_str(),
        longest.as_str(),
    ] {
        let text = format!("[agent]\nname = \"a\"\n[match]\ncgroups = ['{path}']\n");
        assert_eq!(scope(&text).matches.cgroups, [path]);
    }
    let longer = format!("{longest}b");
    let deeper = "/a".repeat(33);
    let impossible = |path: &str| {
        format!(
            "{path:?} cannot be a cgroup path: it has \"..\", a control character or a component \
             of more than 255 bytes"
        )
    };
    for (path, message) in [
        (
            "",
            "\"\" is no absolute cgroup path; expected a path as in \"/agents.slice/research\""
                .to_owned(),
        ),
        (
            "a/b",
            "\"a/b\" is no absolute cgroup path; write \"/a/b\"".to_owned(),
        ),
        (
            "/",
            "\"/\" is every process of the host; name a cgroup beneath it".to_owned(),
        ),
        (
            "//",
            "\"/\" is every process of the host; name a cgroup beneath it".to_owned(),
        ),
        (
            "/a/",
            "\"/a/\" is not in its shortest form; write \"/a\"".to_owned(),
        ),
        (
            "/a//b",
            "\"/a//b\" is not in its shortest form; write \"/a/b\"".to_owned(),
        ),
        (
            "/./a",
            "\"/./a\" is not in its shortest form; write \"/a\"".to_owned(),
        ),
        (
            "/sys/fs/cgroup/a",
            "\"/sys/fs/cgroup/a\" is not in its shortest form; write \"/a\"".to_owned(),
        ),
        ("/a/../b", impossible("/a/../b")),
        ("/..", impossible("/..")),
        (
            longer.as_str(),
            "the cgroup path has 255 bytes; expected at most 254".to_owned(),
        ),
        (
            deeper.as_str(),
            "the cgroup path has 33 components; expected at most 32".to_owned(),
        ),
    ] {
        assert_eq!(
            matching(&format!("cgroups = ['/x', '{path}']")),
            format!("bot.toml:4:18: {message}")
        );
    }
    assert_eq!(
        matching("cgroups = [\"/a\\nb\"]"),
        format!("bot.toml:4:12: {}", impossible("/a\nb"))
    );
}

#[test]
fn declarations_are_limited() {
    let units = |count: usize| {
        let units: Vec<_> = (0..count)
            .map(|number| format!("\n'u{number}.service'"))
            .collect();
        format!(
            "[agent]\nname = \"a\"\n[match]\nunits = [{}]\n",
            units.join(",")
        )
    };
    assert_eq!(scope(&units(256)).matches.units.len(), 256);
    assert_eq!(
        errors(&units(257)),
        "bot.toml:261:1: \"units\" has 257 items; expected at most 256"
    );
}

#[test]
fn rules_are_limited_across_the_lists() {
    let lists = |allow: usize, deny: usize, listen: usize| {
        let items = |count| "\n'192.0.2.1:1',".repeat(count);
        let (allow, deny, listen) = (items(allow), items(deny), items(listen));
        format!("deny = [{deny}]\nlisten = [{listen}]\nallow = [{allow}]\n")
    };
    let scope = network(&lists(100, 100, 56));
    assert_eq!(scope.rules.len(), 256);
    let numbers: Vec<_> = scope.rules.iter().map(|rule| rule.number).collect();
    assert_eq!(numbers, (0..256).collect::<Vec<_>>());
    assert_eq!(scope.text(&scope.rules[0]), "deny 192.0.2.1:1");
    assert_eq!(scope.text(&scope.rules[255]), "allow 192.0.2.1:1");

    let text = format!(
        "[agent]\nname = \"bot\"\n[network]\n{}",
        lists(100, 101, 56)
    );
    assert_eq!(
        errors(&text),
        "bot.toml:263:1: the scope has 257 network rules; expected at most 256; \
         merge prefixes or ports into wider rules"
    );
}
