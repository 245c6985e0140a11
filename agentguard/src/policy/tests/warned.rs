//! Rules that are wider than may be meant.

use super::{network, scope};
use crate::policy::{Scope, warnings};

fn warned(lines: &str) -> Vec<String> {
    placed(&network(lines))
}

/// The warnings about rules.
fn placed(scope: &Scope) -> Vec<String> {
    let warnings = warnings(scope);
    let placed = warnings
        .iter()
        .filter_map(|warning| Some((warning.place?, warning)));
    placed
        .map(|(place, warning)| format!("{}:{}: {warning}", place.line, place.column))
        .collect()
}

/// Those about the scope as a whole.
fn unplaced(sections: &str) -> Vec<String> {
    let scope = scope(&format!("[agent]\nname = \"bot\"\n{sections}\n"));
    let warnings = warnings(&scope);
    let unplaced = warnings.iter().filter(|warning| warning.place.is_none());
    unplaced.map(ToString::to_string).collect()
}

#[test]
fn wide_rules_are_warned_of() {
    let everything =
        "that no deny rule names, loopback, private networks and metadata services included";
    let metadata = "where cloud providers serve credentials to every process of a host";
    for (item, warning) in [
        (
            "0.0.0.0/0:443",
            format!("permits every IPv4 address {everything}"),
        ),
        (
            "0.0.0.0/0",
            format!("permits every IPv4 address on every port {everything}"),
        ),
        (
            "any://::/0",
            format!("permits every IPv6 address on every port {everything}"),
        ),
        (
            "64.0.0.0/4:443",
            "permits a large part of all IPv4 addresses".to_owned(),
        ),
        (
            "2000::/3",
            "permits a large part of all IPv6 addresses on every port".to_owned(),
        ),
        (
            "127.0.0.0/8",
            "permits every local service of this host".to_owned(),
        ),
        (
            "127.0.0.1",
            "permits every local service of this host".to_owned(),
        ),
        ("::1", "permits every local service of this host".to_owned()),
        (
            "127.0.0.0/8:80",
            "permits every loopback address".to_owned(),
        ),
        (
            "169.254.169.254:80",
            format!("permits 169.254.169.254, {metadata}"),
        ),
        (
            "169.254.0.0/16:80",
            format!("permits 169.254.169.254, {metadata}"),
        ),
        (
            "[fd00:ec2::254]:80",
            format!("permits fd00:ec2::254, {metadata}"),
        ),
        (
            "100.64.0.0/10:80",
            format!("permits 100.100.100.200, {metadata}"),
        ),
        (
            "169.254.1.1:80",
            "permits link-local addresses, where hosts without authentication live".to_owned(),
        ),
        (
            "[fe80::/10]:80",
            "permits link-local addresses, where hosts without authentication live".to_owned(),
        ),
    ] {
        let written = format!("allow = [\n  \"{item}\",\n]");
        assert_eq!(
            warned(&written),
            [format!("5:3: \"allow {item}\" {warning}")]
        );
        let observed = format!("allow = [\n  {{ to = \"{item}\", mode = \"observe\" }},\n]");
        assert_eq!(warned(&observed).len(), 1, "{item}");
        assert_eq!(warned(&format!("deny = [\"{item}\"]")), [""; 0]);
    }
    for item in ["0.0.0.0", "[::]", "any://[::]"] {
        assert_eq!(
            warned(&format!("listen = [\"{item}\"]")),
            [format!(
                "4:11: \"listen {item}\" permits listening on every port of every address"
            )]
        );
    }
}

#[test]
fn a_rule_can_have_several_warnings() {
    assert_eq!(warned("allow = [\"100.0.0.0/6\"]").len(), 2);
    assert_eq!(warned("allow = [\"0.0.0.0/1\"]").len(), 3);
}

#[test]
fn narrow_rules_are_not_warned_of() {
    for lines in [
        "allow = [\"10.0.0.0/8\"]",
        "allow = [\"192.0.2.1\"]",
        "allow = [\"[2001:db8::/32]:443\"]",
        "allow = [\"127.0.0.1:5432\", \"[::1]:5432\"]",
        "listen = [\"0.0.0.0:8080\", \"[::]:8080\", \"127.0.0.1\"]",
    ] {
        assert_eq!(warned(lines), [""; 0], "{lines}");
    }
}

/// The warnings about rules of `[files]` and `[sockets]`, without their places.
fn of_files(sections: &str) -> Vec<String> {
    let text = format!("[agent]\nname = \"bot\"\nprofiles = [\"shell\"]\n{sections}\n");
    let warnings = placed(&scope(&text));
    warnings
        .iter()
        .map(|warning| warning.split_once(": ").unwrap().1.to_owned())
        .collect()
}

#[test]
fn scopes_that_confine_too_little_or_too_much_are_warned_of() {
    let unconfined = "the scope confines neither files nor programs nor Unix sockets; add [files] or \
                      profiles, or require = [\"network\"] if that is meant";
    let nothing_runs = "the scope permits no program to be executed: nothing can run";
    for (sections, expected) in [
        ("", vec![unconfined]),
        ("require = [\"network\"]", vec![]),
        ("[files]", vec![nothing_runs]),
        ("[process]", vec![nothing_runs]),
        ("profiles = [\"base\"]", vec![nothing_runs]),
        ("profiles = [\"base\", \"shell\"]", vec![]),
        ("[files]\nexec = [\"/usr/bin/x\"]", vec![]),
    ] {
        assert_eq!(unplaced(sections), expected, "{sections}");
    }
}

#[test]
fn wide_rules_for_files_are_warned_of() {
    for (rule, expected) in [
        (
            "read = [\"/**\"]",
            vec![
                "permits reading whatever no deny rule names",
                "permits reading credentials: password hashes, SSH keys, TLS keys, cloud credentials, GnuPG keys, stored passwords",
            ],
        ),
        (
            "read = [\"/etc/**\"]",
            vec!["permits reading credentials: password hashes, SSH keys, TLS keys"],
        ),
        (
            "read = [\"/home/alice/.aws/**\"]",
            vec!["permits reading credentials: cloud credentials"],
        ),
        (
            "write = [\"/home/alice/work/**\"]",
            vec!["permits changing what others run or rely on: git hooks"],
        ),
        (
            "write = [\"/home/*/.bashrc\"]",
            vec!["permits changing what others run or rely on: start-up files of shells"],
        ),
        (
            "write = [\"/etc/cron.d/*\"]",
            vec!["permits changing what others run or rely on: configuration of the host"],
        ),
        (
            "write = [\"/var/spool/**\"]",
            vec!["permits changing what others run or rely on: cron tables"],
        ),
        (
            "write = [\"/dev/**\"]",
            vec!["permits changing what others run or rely on: raw disks and memory"],
        ),
        (
            "exec = [\"/**\"]",
            vec!["permits executing whatever no deny rule names"],
        ),
    ] {
        let name = rule.split_once(' ').unwrap().0;
        let pattern = rule.split('"').nth(1).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|what| format!("\"{name} {pattern}\" {what}"))
            .collect();
        assert_eq!(of_files(&format!("[files]\n{rule}")), expected);
    }
    assert_eq!(
        placed(&scope(
            "[agent]\nname = \"a\"\n[files]\nread = [\n  \"/etc/shadow\"]\n"
        )),
        ["5:3: \"read /etc/shadow\" permits reading credentials: password hashes"]
    );
}

#[test]
fn wide_rules_for_sockets_are_warned_of() {
    for (pattern, expected) in [
        (
            "/run/docker.sock",
            "permits talking to containers, which is to be root",
        ),
        (
            "/run/user/*/bus",
            "permits talking to D-Bus and systemd, which start programs",
        ),
        ("/tmp/tmux-1000/*", "permits talking to terminals of others"),
        (
            "/tmp/ssh-*/agent.*",
            "permits talking to agents that hold keys",
        ),
    ] {
        assert_eq!(
            of_files(&format!("[sockets]\nconnect = [\"{pattern}\"]")),
            [format!("\"connect {pattern}\" {expected}")]
        );
    }
    let all = of_files("[sockets]\nconnect = [\"/**\"]");
    assert_eq!(
        all[0],
        "\"connect /**\" permits every local service that no deny rule names"
    );
    assert_eq!(
        of_files("[sockets]\nconnect = [\"/run/postgresql/.s.PGSQL.5432\", \"@x\"]"),
        [""; 0]
    );
}

#[test]
fn what_can_be_made_and_executed_is_warned_of() {
    let made = "permits executing what the agent can make itself, by \"write /srv/work/**\"";
    assert_eq!(
        of_files("[files]\nwrite = [\"/srv/work/**\"]\nexec = [\"/srv/**/bin/*\", \"/opt/x\"]"),
        [format!("\"exec /srv/**/bin/*\" {made}")]
    );
    assert_eq!(
        of_files(
            "[files]\nwrite = [\"/srv/work/**\"]\nexec = [\"/srv/**/bin/*\"]\ndeny = [\"/srv/work/**\"]"
        ),
        [""; 0]
    );
}

#[test]
fn what_is_denied_is_not_warned_of() {
    let deny = "deny = [\"**/.git/hooks/**\", \"/home/*/.ssh/**\", \"/home/*/.bash*\", \"/home/*/.profile\", \
                \"/home/*/.z*\", \"/home/*/.config/**\", \"/home/*/.aws/**\", \"/home/*/.azure/**\", \
                \"/home/*/.kube/**\", \"/home/*/.gnupg/**\", \"/home/*/.netrc\", \"/home/*/.git-credentials\", \
                \"/home/*/.docker/**\"]";
    let write = "write = [\"/home/alice/**\"]";
    assert_eq!(of_files(&format!("[files]\n{write}\n{deny}")), [""; 0]);
    assert_eq!(of_files(&format!("[files]\n{write}")).len(), 2);
    // A denial that is only observed denies nothing.
    let observed = "deny = [{ path = \"/home/**\", mode = \"observe\" }]";
    assert_eq!(of_files(&format!("[files]\n{write}\n{observed}")).len(), 2);
}

#[test]
fn narrow_rules_for_files_are_not_warned_of() {
    for sections in [
        "[files]\nread = [\"/srv/papers/**\", \"/usr/share/**\", \"/etc/hosts\"]",
        "[files]\nwrite = [\"/var/lib/bot/**\", \"/tmp/bot/**\", \"/dev/null\"]",
        "[files]\nexec = [\"/usr/bin/python3*\", \"/opt/tool/bin/*\"]",
        "[files]\ndeny = [\"/**\"]",
        "[sockets]\nconnect = [\"/run/postgresql/*\"]",
    ] {
        assert_eq!(of_files(sections), [""; 0], "{sections}");
    }
}
