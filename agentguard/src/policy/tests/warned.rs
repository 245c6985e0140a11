//! Rules that are wider than may be meant.

use super::network;
use crate::policy::warnings;

fn warned(lines: &str) -> Vec<String> {
    let warnings = warnings(&network(lines));
    warnings
        .iter()
        .map(|warning| format!("{}:{}: {warning}", warning.place.line, warning.place.column))
        .collect()
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
