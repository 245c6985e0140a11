//! The grammar of destinations.

use agentguard_common::protocol::Protocol;

use super::errors;
use crate::policy::{Destination, Hosts, List, Ports, Scheme, grammar};

const TCP: Scheme = Scheme::One(Protocol::Tcp);
const UDP: Scheme = Scheme::One(Protocol::Udp);
const ICMP: Scheme = Scheme::One(Protocol::Icmp);
const ANY: Scheme = Scheme::Any;

fn show(destination: Destination) -> (Scheme, String, Option<(u16, u16)>) {
    let hosts = match destination.hosts {
        Hosts::Prefix(prefix) => format!("{}/{}", prefix.network(), prefix.length()),
        Hosts::Everywhere => "everywhere".to_owned(),
        Hosts::Name(name) => name.to_string(),
    };
    let ports = destination.ports.map(|Ports { first, last }| (first, last));
    (destination.scheme, hosts, ports)
}

fn read(text: &str, list: List) -> (Scheme, String, Option<(u16, u16)>) {
    match grammar::destination(text, list) {
        Ok(destination) => show(destination),
        Err(error) => panic!("{list} {text}: {error:?}"),
    }
}

#[test]
fn what_can_be_written() {
    use List::{Allow, Deny, Listen};

    for (list, text, scheme, hosts, ports) in [
        (Allow, "10.0.0.1", TCP, "10.0.0.1/32", None),
        (Allow, "10.0.0.1:443", TCP, "10.0.0.1/32", Some((443, 443))),
        (
            Allow,
            "10.0.0.0/8:1-65535",
            TCP,
            "10.0.0.0/8",
            Some((1, 65535)),
        ),
        (
            Allow,
            "10.0.0.1/32:80-80",
            TCP,
            "10.0.0.1/32",
            Some((80, 80)),
        ),
        (Allow, "0.0.0.0/0", TCP, "0.0.0.0/0", None),
        (
            Allow,
            "udp://10.0.0.53:53",
            UDP,
            "10.0.0.53/32",
            Some((53, 53)),
        ),
        (
            Allow,
            "any://10.0.0.53:53",
            ANY,
            "10.0.0.53/32",
            Some((53, 53)),
        ),
        (Allow, "icmp://10.0.0.0/8", ICMP, "10.0.0.0/8", None),
        (Allow, "icmp://[2001:db8::1]", ICMP, "2001:db8::1/128", None),
        (Deny, "10.0.0.0/8", ANY, "10.0.0.0/8", None),
        (Deny, "10.0.0.0/8:25", ANY, "10.0.0.0/8", Some((25, 25))),
        (
            Deny,
            "tcp://10.0.0.0/8:25",
            TCP,
            "10.0.0.0/8",
            Some((25, 25)),
        ),
        (Allow, "2001:db8::1", TCP, "2001:db8::1/128", None),
        (Allow, "2001:db8::/32", TCP, "2001:db8::/32", None),
        (Allow, "[2001:db8::/32]", TCP, "2001:db8::/32", None),
        (
            Allow,
            "[2001:db8::/32]:443",
            TCP,
            "2001:db8::/32",
            Some((443, 443)),
        ),
        (
            Allow,
            "udp://[2001:db8::1]:1-2",
            UDP,
            "2001:db8::1/128",
            Some((1, 2)),
        ),
        (Allow, "2001:db8::1:443", TCP, "2001:db8::1:443/128", None),
        (Allow, "::/0", TCP, "::/0", None),
        (Allow, "64:ff9b::/95", TCP, "64:ff9b::/95", None),
        (Allow, "::/96", TCP, "::/96", None),
        (Allow, "64:ff9b:2::/48", TCP, "64:ff9b:2::/48", None),
        (Allow, "2000::/3", TCP, "2000::/3", None),
        (Allow, "2003::/16", TCP, "2003::/16", None),
        (
            Listen,
            "127.0.0.1:8080",
            TCP,
            "127.0.0.1/32",
            Some((8080, 8080)),
        ),
        (Listen, "0.0.0.0:8080", TCP, "0.0.0.0/0", Some((8080, 8080))),
        (
            Listen,
            "0.0.0.0/0:8080",
            TCP,
            "0.0.0.0/0",
            Some((8080, 8080)),
        ),
        (Listen, "[::]:8080", TCP, "everywhere", Some((8080, 8080))),
        (Listen, "udp://[::1]:53", UDP, "::1/128", Some((53, 53))),
        (Listen, "any://[::]", ANY, "everywhere", None),
        (Listen, "10.0.0.0/8", TCP, "10.0.0.0/8", None),
    ] {
        let expected = (scheme, hosts.to_owned(), ports);
        assert_eq!(read(text, list), expected, "{list} {text}");
    }
}

#[test]
fn names_can_be_written() {
    use List::{Allow, Deny};

    for (list, text, scheme, hosts, ports) in [
        (Allow, "api.openai.com", TCP, "api.openai.com", None),
        (
            Allow,
            "API.OpenAI.com.:443",
            TCP,
            "api.openai.com",
            Some((443, 443)),
        ),
        (
            Allow,
            "udp://*.arxiv.org:1-2",
            UDP,
            "*.arxiv.org",
            Some((1, 2)),
        ),
        (Allow, "icmp://example.com", ICMP, "example.com", None),
        (Deny, "*.com", ANY, "*.com", None),
        (Deny, "*.lan:25", ANY, "*.lan", Some((25, 25))),
    ] {
        let expected = (scheme, hosts.to_owned(), ports);
        assert_eq!(read(text, list), expected, "{list} {text}");
    }
}

/// Destinations that are refused, with the place and the message of each.
const REFUSED: &str = include_str!("refused.txt");

#[test]
fn what_cannot_be_written() {
    let mut refused = 0;
    for row in REFUSED.lines().filter(|row| !row.starts_with('#')) {
        let [list, text, at, message] = row.split(" => ").collect::<Vec<_>>().try_into().unwrap();
        let line = format!("{list} = [\"{text}\"]");
        let column = list.len() + " = [\"".len() + 1 + at.parse::<usize>().unwrap();
        assert_eq!(
            errors(&format!("[agent]\nname = \"bot\"\n[network]\n{line}\n")),
            format!("bot.toml:4:{column}: {message}"),
            "{line}"
        );
        refused += 1;
    }
    assert_eq!(refused, 105);
}

#[test]
fn errors_inside_other_strings_have_a_place_too() {
    let place = |item: &str| {
        let errors = errors(&format!(
            "[agent]\nname = \"bot\"\n[network]\nallow = [\n  {item}]\n"
        ));
        errors.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(place("'10.0.0.1:0'"), "bot.toml:5:13:");
    assert_eq!(
        place("{ mode = \"observe\", to = \"10.0.0.1:0\" }"),
        "bot.toml:5:38:"
    );
    assert_eq!(place("\"\"\"10.0.0.1:0\"\"\""), "bot.toml:5:3:");
    assert_eq!(place("\"1\\u0030.0.0.1:0\""), "bot.toml:5:3:");
}
