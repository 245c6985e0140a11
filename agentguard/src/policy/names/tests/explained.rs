//! Questions about names and their answers.

use agentguard_common::protocol::Protocol;

use super::network;
use crate::policy::{Explained, Explanation, Scope, Target, compile, explain};

fn ask_of(scope: &Scope, to: &str, protocol: Protocol) -> Explanation {
    let target = Target::parse(to, protocol).unwrap_or_else(|error| panic!("{to}: {error}"));
    explain(scope, &compile(scope).unwrap(), &target, protocol)
}

#[test]
fn what_rules_say_of_a_name_is_answered_without_its_addresses() {
    let scope = network(
        "allow = [\"*.a.test:443\", { to = \"b.a.test\", tls = \"any\", private = true }, \
         { to = \"udp://o.test\", mode = \"observe\" }, \"10.0.0.0/8\"]\ndeny = [\"c.a.test\"]",
    );
    let ask = |to: &str, protocol| {
        let found = ask_of(&scope, to, protocol);
        (
            found.verdict,
            found.reason,
            found.rule.unwrap_or_default(),
            found.note.unwrap_or_default(),
        )
    };
    let addresses = "which addresses it has only the daemon knows";
    let own = "addresses of the own network are not accepted";
    let tls = "the connection must be TLS and ask for a permitted server name";
    let dns = "port 53 of every address is agentguard's own resolver";
    for (to, protocol, verdict, reason, rule, note) in [
        (
            "X.a.test.:443",
            Protocol::Tcp,
            Explained::Permitted,
            "rule",
            "allow *.a.test:443",
            format!("{addresses}; {tls}; {own}"),
        ),
        (
            "b.a.test:443",
            Protocol::Tcp,
            Explained::Permitted,
            "rule",
            "allow *.a.test:443",
            addresses.to_owned(),
        ),
        (
            "o.test:443",
            Protocol::Udp,
            Explained::Observed,
            "rule",
            "allow udp://o.test",
            format!("{addresses}; {own}"),
        ),
        (
            "x.a.test:80",
            Protocol::Tcp,
            Explained::Refused,
            "no-rule",
            "",
            "the name is resolved, for other ports or protocols".to_owned(),
        ),
        (
            "c.a.test:443",
            Protocol::Tcp,
            Explained::Refused,
            "rule",
            "deny c.a.test",
            "the name is not resolved either".to_owned(),
        ),
        (
            "a.test:443",
            Protocol::Tcp,
            Explained::Refused,
            "no-rule",
            "",
            "the name is not resolved either".to_owned(),
        ),
        (
            "x.test:53",
            Protocol::Udp,
            Explained::Permitted,
            "redirected",
            "",
            dns.to_owned(),
        ),
        (
            "192.0.2.1:53",
            Protocol::Tcp,
            Explained::Permitted,
            "redirected",
            "",
            dns.to_owned(),
        ),
        (
            "10.0.0.1:80",
            Protocol::Tcp,
            Explained::Permitted,
            "rule",
            "allow 10.0.0.0/8",
            "rules by name have a say, too, once a name of theirs was resolved to it".to_owned(),
        ),
    ] {
        let expected = (verdict, reason.to_owned(), rule.to_owned(), note);
        assert_eq!(ask(to, protocol), expected, "{to}");
    }
}

#[test]
fn a_scope_without_names_decides_by_addresses() {
    let without = ask_of(
        &network("allow = [\"10.0.0.1\"]"),
        "a.test:443",
        Protocol::Tcp,
    );
    assert_eq!(without.destination.as_deref(), Some("a.test:443"));
    assert_eq!(without.reason, "no-rule");
    assert_eq!(
        without.note.as_deref(),
        Some(
            "the scope has no rules by name, so names are decided by their addresses alone; ask for these"
        )
    );
}
