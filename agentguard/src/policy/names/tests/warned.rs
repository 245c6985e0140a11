//! Rules by name that are wider than may be meant.

use super::{super::super::warnings, network};

fn warned(lines: &str) -> Vec<String> {
    let placed = warnings(&network(lines)).into_iter();
    placed
        .filter_map(|warning| Some((warning.place?, warning.message)))
        .map(|(place, message)| format!("{}:{}: {message}", place.line, place.column))
        .collect()
}

#[test]
fn wide_rules_by_name_are_warned_of() {
    let strangers = "permits what belongs to strangers: anybody can rent a place there; name the one that is meant";
    for (item, text, warning) in [
        (
            "\"*.example.com\"",
            "*.example.com",
            "permits every port of every name beneath example.com",
        ),
        ("\"*.amazonaws.com:443\"", "*.amazonaws.com:443", strangers),
        (
            "\"s3.amazonaws.com:443\"",
            "s3.amazonaws.com:443",
            strangers,
        ),
        (
            "\"intranet:443\"",
            "intranet:443",
            "is a name of one label, which programs complete by their search list; write the whole name",
        ),
        (
            "{ to = \"a.example:443\", tls = \"any\" }",
            "a.example:443",
            "does not check the server name of TLS connections: whoever shares an address with the name is \
             reached, too",
        ),
        (
            "{ to = \"*.example.com:443\", types = [\"TXT\"] }",
            "*.example.com:443",
            "permits records of every name beneath example.com, by which data can be sent and received",
        ),
        (
            "\"udp://dns.example:53\"",
            "udp://dns.example:53",
            "has no effect: in a scope with rules by name port 53 of every address is agentguard's own resolver",
        ),
    ] {
        assert_eq!(
            warned(&format!("allow = [{item}]")),
            [format!("4:10: \"allow {text}\" {warning}")],
            "{item}"
        );
    }
}

#[test]
fn rules_by_address_beside_names_are_warned_of() {
    assert_eq!(
        warned("allow = [\"a.example:443\", \"any://10.0.0.53:53\"]"),
        [
            "4:27: \"allow any://10.0.0.53:53\" has no effect: in a scope with rules by name port 53 of every \
             address is agentguard's own resolver"
        ]
    );
    assert_eq!(warned("allow = [\"any://10.0.0.53:53\"]"), [""; 0]);
    assert_eq!(
        warned("allow = [\"a.example:443\", \"192.0.2.0/24:443\"]\ndeny = [\"b.example\"]"),
        [
            "5:9: \"deny b.example\" refuses to resolve the name, and cannot keep its addresses from being reached \
             by \"allow 192.0.2.0/24:443\"; deny the addresses, too"
        ]
    );
    assert_eq!(
        warned("deny = [\"b.example\"]"),
        [
            "4:9: \"deny b.example\" is by name in a scope that allows no name, so no name at all is resolved"
        ]
    );
}

#[test]
fn narrow_rules_by_name_are_not_warned_of() {
    for lines in [
        "allow = [\"api.example.com:443\", \"*.example.com:443\", \"10.0.0.1:443\"]",
        "allow = [\"api.example.com\"]\ndeny = [\"b.example\"]",
        "allow = [{ to = \"*.example.com:8443\", tls = true, private = true }]",
        "allow = [{ to = \"example.com:443\", types = [\"TXT\"] }]",
    ] {
        assert_eq!(warned(lines), [""; 0], "{lines}");
    }
}
