//! What a name is, and in which form it is compared.

use super::super::Name;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

#[test]
fn names_are_compared_as_they_are_sent() {
    for (text, sent) in [
        ("api.openai.com", "api.openai.com"),
        ("API.OpenAI.Com.", "api.openai.com"),
        ("*.Arxiv.org", "*.arxiv.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("例え.テスト。", "xn--r8jz45g.xn--zckzah"),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"),
        ("_dmarc.a_b.example", "_dmarc.a_b.example"),
        ("r3---sn-a.example", "r3---sn-a.example"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("0x7f.example", "0x7f.example"),
        ("a.0xg", "a.0xg"),
        ("intranet", "intranet"),
        ("xlocalhost", "xlocalhost"),
    ] {
        assert_eq!(name(text).to_string(), sent, "{text}");
    }
    // Another letter is another name, however it looks.
    assert_eq!(name("оpenai.com").to_string(), "xn--penai-iye.com");
}

#[test]
fn lengths_are_those_of_the_wire() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    assert_eq!(name(&longest).text(), longest);
    assert_eq!(name(&format!("{longest}.")).text(), longest);
    assert_eq!(name(&format!("*.{longest}")).text(), longest);
    assert!(Name::parse(&format!("a{longest}")).is_err());
}

#[test]
fn a_name_can_cover_another() {
    for (wide, narrow, expected) in [
        ("a.example", "a.example", true),
        ("a.example", "b.a.example", false),
        ("*.a.example", "b.a.example", true),
        ("*.a.example", "c.b.a.example", true),
        ("*.a.example", "*.b.a.example", true),
        ("*.a.example", "*.a.example", true),
        ("*.a.example", "a.example", false),
        ("a.example", "*.a.example", false),
        ("*.b.a.example", "*.a.example", false),
        ("*.a.example", "ba.example", false),
    ] {
        assert_eq!(
            name(wide).covers(&name(narrow)),
            expected,
            "{wide} {narrow}"
        );
    }
}
