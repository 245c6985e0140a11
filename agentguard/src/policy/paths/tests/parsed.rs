//! What is a pattern, and what is said of what is none.

use super::pattern;
use crate::policy::paths::{Component, Pattern, socket_pattern};

fn error(text: &str) -> String {
    match text.parse::<Pattern>() {
        Ok(pattern) => panic!("no error in {text:?}: {pattern:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn components_are_told_apart() {
    let literal = |name: &str| Component::Literal(name.as_bytes().into());
    let glob = |name: &str| Component::Glob(name.as_bytes().into());
    for (text, components) in [
        ("/", vec![]),
        ("/*", vec![Component::AnyName]),
        ("/**", vec![Component::AnyDepth]),
        (
            "/srv/*/a*/**/.env",
            vec![
                literal("srv"),
                Component::AnyName,
                glob("a*"),
                Component::AnyDepth,
                literal(".env"),
            ],
        ),
        // It begins at the root all the same.
        ("**/.env", vec![Component::AnyDepth, literal(".env")]),
        ("**/*", vec![Component::AnyDepth, Component::AnyName]),
        // Every other character stands for itself.
        ("/...", vec![literal("...")]),
        ("/[a-z]?\\{b}", vec![literal("[a-z]?\\{b}")]),
        ("/grün x", vec![literal("grün x")]),
        ("/*a*b*", vec![glob("*a*b*")]),
    ] {
        assert_eq!(pattern(text).components(), components, "{text}");
    }
}

#[test]
fn errors_say_what_to_write() {
    for (text, message) in [
        (
            "",
            "the pattern is empty; expected an absolute path, as in \"/srv/papers/**\"",
        ),
        (
            "/a\0b",
            "a pattern cannot hold a NUL character, since no path does; remove it",
        ),
        (
            "srv/papers",
            "\"srv/papers\" is relative; a pattern begins with a slash, as in \"/srv/papers\", or \"/**/srv/papers\" for every directory",
        ),
        (
            "*/.env",
            "\"*/.env\" is relative; a pattern begins with a slash: write \"/*/.env\"",
        ),
        (
            "**",
            "\"**\" is relative; a pattern begins with a slash: write \"/**\"",
        ),
        (
            "~/.ssh",
            "\"~/.ssh\" is relative; a pattern begins with a slash, and ~ has no meaning in it: write the directory out, as in \"/home/*/…\"",
        ),
        (
            "/srv/",
            "\"/srv/\" ends with a slash; write \"/srv\" for the path alone, or \"/srv/**\" for it and everything beneath",
        ),
        (
            "/srv//a",
            "\"/srv//a\" has two slashes with nothing between them; write one",
        ),
        (
            "//",
            "\"//\" has two slashes with nothing between them; write one",
        ),
        (
            "/srv/./a",
            "\".\" stands for the directory itself and is in no path that is compared; remove it",
        ),
        (
            "/srv/../a",
            "\"..\" is in no path that is compared; write the path without it, as `realpath` shows it",
        ),
        (
            "/srv/a**",
            "\"a**\" joins ** with other characters; ** stands alone between slashes, for any number of names: write * within a name",
        ),
        (
            "/***/b",
            "\"***\" joins ** with other characters; ** stands alone between slashes, for any number of names: write * within a name",
        ),
    ] {
        assert_eq!(error(text), message);
    }
}

#[test]
fn a_component_has_at_most_255_bytes() {
    assert_eq!(
        pattern(&format!("/{}", "a".repeat(255))).components().len(),
        1
    );
    assert_eq!(
        pattern(&format!("/{}*", "a".repeat(254)))
            .components()
            .len(),
        1
    );
    for long in ["a".repeat(256), "a".repeat(255) + "*"] {
        assert_eq!(
            error(&format!("/srv/{long}")),
            "the component that begins with \"aaaaaaaaaaaaaaaaaaaa\" has 256 bytes, and no name has more than 255; shorten it"
        );
    }
    // Bytes, not characters.
    assert!(error(&format!("/{}", "ü".repeat(128))).contains("has 256 bytes"));
}

#[test]
fn a_pattern_is_as_deep_as_a_path() {
    assert_eq!(pattern(&"/a".repeat(128)).components().len(), 128);
    assert_eq!(
        error(&"/a".repeat(129)),
        "the pattern needs a path of at least 129 names, and paths of more than 128 are refused; shorten it"
    );
    // `**` may stand for nothing.
    let deep = format!("/**{}", "/*".repeat(128));
    assert_eq!(pattern(&deep).components().len(), 129);
    assert!(error(&(deep + "/*")).contains("at least 129 names"));
}

#[test]
fn patterns_are_shown_as_they_are_written() {
    for text in ["/", "/**", "/srv/*/a*/**/.env", "/grün x"] {
        assert_eq!(pattern(text).to_string(), text);
    }
    assert_eq!(pattern("**/.env").to_string(), "/**/.env");
}

#[test]
fn errors_have_a_place() {
    for (text, at) in [
        ("srv", 0),
        ("/srv/", 4),
        ("/srv//a", 5),
        ("/srv/../a", 5),
        ("**/a/.", 5),
        ("/grün/a**", 7),
        ("/a\0", 2),
    ] {
        assert_eq!(Pattern::parse(text).unwrap_err().0, at, "{text:?}");
    }
}

#[test]
fn sockets_have_paths_or_abstract_names() {
    let socket = |text: &str| socket_pattern(text).unwrap().components().to_vec();
    let literal = |name: &str| Component::Literal(name.as_bytes().into());
    let glob = |name: &str| Component::Glob(name.as_bytes().into());
    assert_eq!(
        socket("/run/*/bus"),
        [literal("run"), Component::AnyName, literal("bus")]
    );
    assert_eq!(socket("/a/@b"), [literal("a"), literal("@b")]);
    assert_eq!(socket("@a"), [literal("@a")]);
    assert_eq!(socket("@*"), [glob("@*")]);
    // One name, whatever it holds.
    assert_eq!(socket("@/tmp/.X11-unix/X*"), [glob("@/tmp/.X11-unix/X*")]);
    assert_eq!(socket("@.."), [literal("@..")]);
    let longest = format!("@{}", "a".repeat(107));
    assert_eq!(socket(&longest), [literal(&longest)]);
    assert_eq!(
        socket(&format!("{longest}*")),
        [glob(&format!("{longest}*"))]
    );

    for (text, at, message) in [
        (
            "@",
            0,
            "\"@\" names no abstract socket; write \"@name\", or \"@*\" for every one",
        ),
        (
            "@a\0b",
            2,
            "a pattern cannot hold a NUL character, since no path does; remove it",
        ),
        (
            "@a**",
            2,
            "\"@a**\" has ** in the name of an abstract socket, which is one name; write *",
        ),
        (
            "/@a",
            0,
            "\"/@a\" would be the abstract socket \"@a\"; write that if it is meant, and give another socket a path that does not begin with /@",
        ),
        (
            "/@*/b",
            0,
            "\"/@*/b\" would be the abstract socket \"@*/b\"; write that if it is meant, and give another socket a path that does not begin with /@",
        ),
        (
            "run/a",
            0,
            "\"run/a\" is relative; a pattern begins with a slash, as in \"/run/a\", or \"/**/run/a\" for every directory",
        ),
        (
            "/run/../a",
            5,
            "\"..\" is in no path that is compared; write the path without it, as `realpath` shows it",
        ),
        (
            &format!("{longest}a"),
            0,
            "the abstract socket that begins with \"@aaaaaaaaaaaaaaaaaaa\" has a name of 108 bytes, and none has more than 107; shorten it",
        ),
    ] {
        let (found, error) = socket_pattern(text).unwrap_err();
        assert_eq!(
            (found, error.to_string().as_str()),
            (at, message),
            "{text:?}"
        );
    }
}
