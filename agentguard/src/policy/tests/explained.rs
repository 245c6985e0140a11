//! Questions and their answers.

use agentguard_common::protocol::Protocol;

use super::network;
use crate::policy::{Explained, Explanation, Target, TargetHost, compile, explain};

const RULES: &str = "deny = [\"10.1.0.0/16\"]\n\
                     allow = [\"10.0.0.0/8:443\", \"icmp://10.0.0.1\", \"[2001:db8::1]:443\", \
                     { to = \"192.0.2.1\", mode = \"observe\" }, \"127.0.0.1:80\"]\n";

fn ask(to: &str, protocol: Protocol) -> Explanation {
    let scope = network(RULES);
    let target = Target::parse(to, protocol).unwrap_or_else(|error| panic!("{to}: {error}"));
    explain(&scope, &compile(&scope).unwrap(), &target, protocol)
}

#[test]
fn an_answer_names_its_rule() {
    let explanation = ask("10.2.3.4:443", Protocol::Tcp);
    let expected = Explanation {
        agent: "bot".to_owned(),
        operation: "connect".to_owned(),
        destination: Some("10.2.3.4:443".to_owned()),
        protocol: Some("tcp".to_owned()),
        path: None,
        access: None,
        verdict: Explained::Permitted,
        reason: "rule".to_owned(),
        rule: Some("allow 10.0.0.0/8:443".to_owned()),
        rule_file: Some("bot.toml".to_owned()),
        rule_line: Some(5),
        note: None,
    };
    assert_eq!(explanation, expected);
    let json = serde_json::to_string(&explanation).unwrap();
    assert_eq!(
        json,
        r#"{"agent":"bot","operation":"connect","destination":"10.2.3.4:443","protocol":"tcp","verdict":"permitted","reason":"rule","rule":"allow 10.0.0.0/8:443","rule_file":"bot.toml","rule_line":5}"#
    );
    assert_eq!(
        serde_json::from_str::<Explanation>(&json).unwrap(),
        expected
    );

    let refused = ask("10.1.3.4:443", Protocol::Tcp);
    assert_eq!(refused.verdict, Explained::Refused);
    assert_eq!(
        (refused.rule.as_deref(), refused.rule_line),
        (Some("deny 10.1.0.0/16"), Some(4))
    );

    let observed = ask("192.0.2.1:9", Protocol::Tcp);
    assert_eq!(observed.verdict, Explained::Observed);
    assert_eq!(observed.rule.as_deref(), Some("allow 192.0.2.1"));
}

#[test]
fn no_rule_is_a_reason() {
    let explanation = ask("[2001:db8::2]:443", Protocol::Tcp);
    assert_eq!(explanation.verdict, Explained::Refused);
    assert_eq!(explanation.reason, "no-rule");
    assert_eq!(
        explanation.destination.as_deref(),
        Some("[2001:db8::2]:443")
    );
    assert_eq!(
        (
            explanation.rule,
            explanation.rule_file,
            explanation.rule_line
        ),
        (None, None, None)
    );
    assert_eq!(explanation.note, None);
}

#[test]
fn icmp_has_no_port() {
    let explanation = ask("10.0.0.1", Protocol::Icmp);
    assert_eq!(explanation.verdict, Explained::Permitted);
    assert_eq!(explanation.destination.as_deref(), Some("10.0.0.1"));
    assert_eq!(explanation.protocol.as_deref(), Some("icmp"));
}

#[test]
fn other_spellings_are_answered_as_what_they_mean() {
    for (to, meant) in [
        ("[::ffff:10.2.0.1]:443", "10.2.0.1"),
        ("[64:ff9b::10.2.0.1]:443", "10.2.0.1"),
        ("[64:ff9b:1::10.2.0.1]:443", "10.2.0.1"),
        ("[2002:a02:1::1]:443", "10.2.0.1"),
    ] {
        let explanation = ask(to, Protocol::Tcp);
        assert_eq!(explanation.verdict, Explained::Permitted, "{to}");
        assert_eq!(explanation.destination, Some(format!("{meant}:443")));
        let TargetHost::Address(spelled) = Target::parse(to, Protocol::Tcp).unwrap().host else {
            panic!("{to}");
        };
        assert_eq!(explanation.note, Some(format!("{spelled} means {meant}")));
    }
}

#[test]
fn loopback_depends_on_the_peer() {
    let peer = "permitted if the peer is a process of the same agent";
    assert_eq!(
        ask("127.0.0.1:81", Protocol::Tcp).note.as_deref(),
        Some(peer)
    );
    assert_eq!(ask("[::1]:80", Protocol::Tcp).note.as_deref(), Some(peer));
    assert_eq!(
        ask("0.0.0.0:81", Protocol::Tcp).note,
        Some(format!("0.0.0.0 means 127.0.0.1; {peer}"))
    );
    let allowed = ask("0.0.0.0:80", Protocol::Tcp);
    assert_eq!(allowed.verdict, Explained::Permitted);
    assert_eq!(allowed.destination.as_deref(), Some("127.0.0.1:80"));
    assert_eq!(allowed.note.as_deref(), Some("0.0.0.0 means 127.0.0.1"));
}

#[test]
fn questions_have_a_grammar() {
    let parse = |text, protocol| match Target::parse(text, protocol) {
        Ok(target) => match target.host {
            TargetHost::Address(address) => format!("{address} {}", target.port),
            TargetHost::Name(name) => format!("{name} {}", target.port),
        },
        Err(error) => error.to_string(),
    };
    for (text, answer) in [
        ("10.0.0.1:443", "10.0.0.1 443"),
        ("[2001:db8::1]:65535", "2001:db8::1 65535"),
        ("0.0.0.0:1", "0.0.0.0 1"),
        (
            "10.0.0.1",
            "\"10.0.0.1\" has no port; expected HOST:PORT, as in api.example.com:443, 10.0.0.1:443 or [2001:db8::1]:443",
        ),
        (
            "2001:db8::1",
            "\"2001:db8::1\" has no port; expected HOST:PORT, as in api.example.com:443, 10.0.0.1:443 or [2001:db8::1]:443",
        ),
        (
            "",
            "\"\" is neither an IPv4 address, an IPv6 address nor a name",
        ),
        (
            "10.0.0.1:",
            "\"\" is no port; expected a number from 1 to 65535",
        ),
        (
            "10.0.0.1:0",
            "\"0\" is no port; expected a number from 1 to 65535",
        ),
        (
            "10.0.0.1:65536",
            "\"65536\" is no port; expected a number from 1 to 65535",
        ),
        (
            "10.0.0.1:80-90",
            "\"80-90\" is no port; expected a number from 1 to 65535",
        ),
        (
            "10.0.0.0/8:443",
            "\"10.0.0.0/8:443\" is a prefix or a URL; ask for one address or name, and a port",
        ),
        (
            "[10.0.0.1]:443",
            "brackets are for IPv6 addresses; write \"10.0.0.1\" without them",
        ),
        (
            "[::1:443",
            "the bracket is not closed; write the IPv6 address as \"[2001:db8::1]:443\"",
        ),
        (
            "[::1]443",
            "\"443\" cannot follow the bracket; expected \":PORT\" or nothing",
        ),
        (
            "[fe80::1%eth0]:443",
            "an address cannot have a zone; remove \"%eth0\"",
        ),
        ("Api.OpenAI.com.:443", "api.openai.com 443"),
        ("bücher.example:1", "xn--bcher-kva.example 1"),
        (
            "*.openai.com:443",
            "\"*.openai.com\" is a pattern; ask for one name",
        ),
        (
            "a b.example:443",
            "a name cannot hold the character ' '; expected letters, digits, \"-\" and \"_\"",
        ),
        (
            "10.0.0:443",
            "\"10.0.0\" is no IPv4 address; expected four numbers from 0 to 255 without leading zeros",
        ),
    ] {
        assert_eq!(parse(text, Protocol::Tcp), answer, "{text}");
    }
    for (text, answer) in [
        ("10.0.0.1", "10.0.0.1 0"),
        ("2001:db8::1", "2001:db8::1 0"),
        ("[2001:db8::1]", "2001:db8::1 0"),
        (
            "10.0.0.1:8",
            "ICMP has no ports; expected HOST, as in api.example.com, 10.0.0.1 or 2001:db8::1",
        ),
    ] {
        assert_eq!(parse(text, Protocol::Icmp), answer, "{text}");
    }
}
