use std::path::Path;

use agentguard_common::protocol::Protocol;

use crate::policy::{Explained, compile, explain, parse};

#[test]
fn a_scope_decides() {
    let text = r#"
        [agent]
        name = "bot"
        [network]
        allow = ["10.0.0.0/8:443", "[2001:db8::/32]:80-90", "::/0", { to = "udp://192.0.2.1:53", mode = "observe" }]
        deny = ["10.1.0.0/16"]
        listen = ["127.0.0.1:8080"]
    "#;
    let scope = parse(Path::new("bot.toml"), text).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let compiled = compile(&scope);
    let ask = |to: &str, port, protocol| {
        let explanation = explain(&scope, &compiled, to.parse().unwrap(), port, protocol);
        (explanation.verdict, explanation.rule)
    };
    let rule = |text: &str| Some(text.to_owned());
    assert_eq!(
        ask("10.2.0.1", 443, Protocol::Tcp),
        (Explained::Permitted, rule("allow 10.0.0.0/8:443"))
    );
    assert_eq!(
        ask("10.1.0.1", 443, Protocol::Tcp),
        (Explained::Refused, rule("deny 10.1.0.0/16"))
    );
    assert_eq!(
        ask("192.0.2.1", 53, Protocol::Tcp),
        (Explained::Refused, None)
    );
    assert_eq!(
        ask("192.0.2.1", 53, Protocol::Udp),
        (Explained::Observed, rule("allow udp://192.0.2.1:53"))
    );
    assert_eq!(
        ask("11.0.0.1", 443, Protocol::Tcp),
        (Explained::Refused, None)
    );
    assert_eq!(
        ask("2001::1", 443, Protocol::Tcp),
        (Explained::Permitted, rule("allow ::/0"))
    );
}
