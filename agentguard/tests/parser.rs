//! Whatever stands in a file or in a question, the answer is a value or an error.

use std::path::Path;

use agentguard::policy::{Target, compile, parse};
use agentguard_common::protocol::Protocol;
use proptest::{collection::vec, prelude::*, sample::select};

const GOOD: &str = r#"[agent]
name = "research-bot"
mode = "observe"
profiles = ["base", "git"]
require = ["network", "files"]
[match]
units = ["a.service"]
cgroups = ["/agents.slice/a"]
[network]
allow = ["10.0.0.0/8:443", { to = "udp://[2001:db8::/32]:1-2", mode = "observe" }, "xn--bcher-kva.example:443",
  { to = "*.Example.com", private = true, tls = true, types = ["TXT", "MX"] }, { to = "a.b", tls = "any" }]
deny = ["icmp://192.0.2.1", "*.com"]
listen = ["[::]:80", { at = "127.0.0.1" }]
[files]
read = ["/srv/*/a*b/**", { path = "**/.env", mode = "observe" }]
write = ["/"]
deny = ["/srv/x"]
[sockets]
connect = ["/run/x", { to = "@y*" }]
[process]
user_namespaces = true
ptrace = "agent"
"#;

/// Pieces of destinations and of TOML, so that a text comes near to what is accepted.
fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "tcp",
        "any",
        "icmp",
        "://",
        "10.0.0.0",
        "0.0.0.0",
        "::",
        "[",
        "]",
        ":",
        "/",
        "-",
        "0",
        "8",
        "65535",
        "65536",
        "443",
        "2001:db8",
        "64:ff9b::",
        "ffff",
        "%",
        "*",
        ".",
        "a",
        "é",
        "*.",
        "xn--",
        "0x",
        "localhost",
        "com",
        "。",
        "א",
        " ",
        "\"",
    ]);
    vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

/// Parses, and holds every error against the text.
fn check(text: &str) -> Result<(), TestCaseError> {
    match parse(Path::new("any.toml"), text) {
        Ok(scope) => {
            prop_assert!(compile(&scope).is_ok());
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            let mut last = None;
            for error in &errors {
                let message = error.to_string();
                prop_assert!(!message.contains(char::is_control), "{message:?}");
                let place = error.place;
                prop_assert!(place.is_some() && last <= place, "{message}");
                last = place;
                let line = place.map_or(0, |place| place.line as usize);
                let column = place.map_or(0, |place| place.column as usize);
                let lines: Vec<_> = text.split('\n').collect();
                prop_assert!((1..=lines.len()).contains(&line), "{message}");
                let width = lines[line - 1].chars().count();
                prop_assert!((1..=width + 1).contains(&column), "{message}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_text_is_a_scope_or_has_errors(text in "\\PC{0,200}") {
        check(&text)?;
    }

    #[test]
    fn a_damaged_scope_is_a_scope_or_has_errors(
        at in 0..GOOD.len(),
        length in 0..40_usize,
        piece in prop_oneof![pieces(), any::<String>()],
    ) {
        let end = (at + length).min(GOOD.len());
        check(&format!("{}{piece}{}", &GOOD[..at], &GOOD[end..]))?;
    }

    #[test]
    fn any_destination_is_one_or_has_an_error(piece in pieces(), list in select(vec!["allow", "deny", "listen"])) {
        let piece = piece.replace('"', "");
        check(&format!("[agent]\nname = \"a\"\n[network]\n{list} = [\"{piece}\"]\n"))?;
    }

    #[test]
    fn any_pattern_is_one_or_has_an_error(
        pieces in vec(select(vec!["/", "//", "*", "**", ".", "..", "@", "a", "é", " ", "~", "\\u0000", "\\n"]), 0..9),
        list in select(vec!["[files]\nread", "[files]\ndeny", "[sockets]\nconnect"]),
    ) {
        check(&format!("[agent]\nname = \"a\"\n{list} = [\"{}\"]\n", pieces.concat()))?;
    }

    #[test]
    fn any_target_is_one_or_has_an_error(text in prop_oneof![pieces(), any::<String>()]) {
        for protocol in Protocol::ALL {
            if let Ok(target) = Target::parse(&text, protocol) {
                prop_assert_eq!(target.port != 0, protocol.has_ports());
            }
        }
    }
}
