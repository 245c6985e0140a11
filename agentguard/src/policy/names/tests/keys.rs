//! `private`, `tls` and `types`.

use super::{
    super::{NameKeys, RecordTypes, TlsCheck},
    errors, network,
};

#[test]
fn keys_are_read() {
    let scope = network(
        "allow = [\"a.example\", { to = \"b.example\", private = true, tls = true, types = [\"TXT\", \"MX\"] },\n\
         { to = \"c.example\", tls = \"any\", private = false, types = [] }, { to = \"10.0.0.1\", mode = \"observe\" }]",
    );
    let keys: Vec<_> = scope.rules.iter().map(|rule| rule.keys).collect();
    let [first, second, third, fourth] = keys.try_into().unwrap();
    assert_eq!((first, fourth), (NameKeys::default(), NameKeys::default()));
    assert_eq!((second.private, second.tls), (true, TlsCheck::Every));
    assert_eq!(second.types.numbers().collect::<Vec<_>>(), [15, 16]);
    assert_eq!((third.private, third.tls), (false, TlsCheck::Never));
    assert_eq!(third.types, RecordTypes::NONE);
    // A domain of the own network may be as wide as its top level, but a public suffix stays public.
    assert_eq!(
        network("allow = [{ to = \"*.lan\", private = true }]")
            .rules
            .len(),
        1
    );
    assert!(
        errors("allow = [{ private = true, to = \"*.com\" }]")
            .starts_with("bot.toml:4:34: \"*.com\" is every name")
    );
}

#[test]
fn other_values_are_errors() {
    let expected =
        "expected NS, CNAME, SOA, PTR, MX, TXT, SRV, NAPTR, DS, SSHFP, DNSKEY, TLSA, URI or CAA";
    let by_address =
        "is for rules by name, and this one is by address; remove it, or write a name in \"to\"";
    let tls = "expected true (check the server name on every TCP port) or \"any\" (on none); without the key it \
               is checked on port 443";
    for (item, at, message) in [
        (
            "{ to = \"10.0.0.1\", private = true }",
            39,
            format!("\"private\" {by_address}"),
        ),
        (
            "{ to = \"::1\", tls = \"any\" }",
            30,
            format!("\"tls\" {by_address}"),
        ),
        (
            "{ types = [\"TXT\"], to = \"::/0\" }",
            20,
            format!("\"types\" {by_address}"),
        ),
        (
            "{ to = \"a.example\", private = \"yes\" }",
            40,
            "\"private\" in an item of \"allow\" is a string; expected true or false".to_owned(),
        ),
        (
            "{ to = \"a.example\", tls = false }",
            36,
            format!("\"tls\" cannot be false; {tls}"),
        ),
        (
            "{ to = \"a.example\", tls = \"check\" }",
            36,
            format!("\"tls\" cannot be \"check\"; {tls}"),
        ),
        (
            "{ to = \"a.example\", tls = 443 }",
            36,
            "\"tls\" in an item of \"allow\" is an integer; expected true or \"any\"".to_owned(),
        ),
        (
            "{ to = \"udp://a.example\", tls = true }",
            42,
            "\"tls\" is about TCP, and this rule is for another protocol; remove it, or write the scheme \
             tcp or any"
                .to_owned(),
        ),
        (
            "{ to = \"a.example\", types = \"TXT\" }",
            38,
            "\"types\" in an item of \"allow\" is a string; expected an array of record types, as in [\"TXT\"]"
                .to_owned(),
        ),
        (
            "{ to = \"a.example\", types = [16] }",
            39,
            "an item of \"types\" in an item of \"allow\" is an integer; expected a string".to_owned(),
        ),
        (
            "{ to = \"a.example\", types = [\"MX\", \"txt\"] }",
            45,
            format!("\"txt\" is no record type that a rule can permit; {expected}; did you mean \"TXT\"?"),
        ),
        (
            "{ to = \"a.example\", types = [\"ANY\"] }",
            39,
            format!("\"ANY\" is no record type that a rule can permit; {expected}"),
        ),
        (
            "{ to = \"a.example\", types = [\"AAAA\"] }",
            39,
            "\"AAAA\" may be asked of every name that a rule permits; remove it: \"types\" are further ones"
                .to_owned(),
        ),
        (
            "{ to = \"a.example\", privat = true }",
            30,
            "unknown key \"privat\" in an item of \"allow\"; expected to, mode, private, tls or types; \
             did you mean \"private\"?"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            errors(&format!("allow = [{item}]")),
            format!("bot.toml:4:{at}: {message}"),
            "{item}"
        );
    }
    assert_eq!(
        errors("deny = [{ to = \"a.example\", private = true }]"),
        "bot.toml:4:29: unknown key \"private\" in an item of \"deny\"; expected to or mode"
    );
}
