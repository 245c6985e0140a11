//! The JSON Schema for editors keeps in step with the parser.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::policy::{
    Host, agent, files, load_each, names::RecordTypes, network, parse, parse::SECTIONS, process,
    profiles, require, warnings,
};

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging")
}

fn schema() -> Value {
    let text = std::fs::read_to_string(packaging().join("scope.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Whether an editor would take a text for a scope.
fn accepts(text: &str) -> bool {
    let scope: Value = toml::from_str(text).unwrap();
    jsonschema::is_valid(&schema(), &scope)
}

#[test]
fn every_key_of_the_parser_is_in_the_schema_and_no_other() {
    let schema = schema();
    for (pointer, keys) in [
        ("", SECTIONS),
        ("/properties/agent", agent::KEYS),
        ("/properties/match", crate::policy::matches::KEYS),
        ("/properties/network", network::KEYS),
        ("/properties/files", files::FILE_KEYS),
        ("/properties/sockets", files::SOCKET_KEYS),
        ("/properties/process", process::KEYS),
        ("/$defs/rule/anyOf/1", network::RULE_KEYS),
        ("/$defs/denied/anyOf/1", network::DENY_KEYS),
        ("/$defs/listen/anyOf/1", network::LISTEN_KEYS),
        ("/$defs/file/anyOf/1", files::FILE_RULE_KEYS),
        ("/$defs/unix/anyOf/1", files::SOCKET_RULE_KEYS),
    ] {
        let object = schema.pointer(pointer).unwrap();
        let properties = object["properties"].as_object().unwrap();
        let found: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(found, keys.iter().copied().collect(), "{pointer}");
        assert_eq!(object["additionalProperties"], false, "{pointer}");
    }
    for (pointer, values) in [
        ("/$defs/mode/enum", agent::MODES),
        (
            "/properties/process/properties/ptrace/enum",
            process::PTRACE,
        ),
        (
            "/properties/agent/properties/profiles/items/enum",
            &profiles::NAMES,
        ),
        (
            "/properties/agent/properties/require/items/enum",
            require::VALUES,
        ),
        (
            "/$defs/rule/anyOf/1/properties/types/items/enum",
            &RecordTypes::names(),
        ),
    ] {
        let found = schema.pointer(pointer).unwrap();
        assert_eq!(found, &serde_json::json!(values), "{pointer}");
    }
}

#[test]
fn the_examples_are_good() {
    let mut files: Vec<_> = std::fs::read_dir(packaging().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 3);
    let loaded = load_each(&files, &Host);
    assert!(loaded.errors.is_empty(), "{}", super::lines(&loaded.errors));
    for scope in &loaded.scopes {
        let warned = warnings(scope);
        // An example says what is meant, and `check` what is not done yet.
        assert_eq!(warned, [], "{}", scope.file.display());
        assert!(
            accepts(&std::fs::read_to_string(&scope.file).unwrap()),
            "{}",
            scope.file.display()
        );
    }
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    for item in [
        "10.0.0.1",
        "10.0.0.0/8:1-65535",
        "any://10.0.0.53:53",
        "icmp://[2001:db8::1]",
        "2001:db8::/32",
        "[2001:db8::/32]:443",
        "::1",
        "::/0",
        "fe80::",
        "1:2:3:4:5:6:7:8",
        "2001:db8::192.0.2.1",
    ] {
        let text = format!(
            "[agent]\nname = \"a\"\n[network]\nallow = [\"{item}\", {{ to = \"{item}\" }}]\n"
        );
        assert!(parse(Path::new("a.toml"), &text).is_ok(), "{text}");
        assert!(accepts(&text), "{text}");
    }
    for item in [
        "api.openai.com",
        "udp://API.openai.com.:1-2",
        "*.arxiv.org:443",
        "bücher.example:443",
        "*.xn--bcher-kva.example",
        "a_b.r3---sn.example",
        "icmp://intranet",
        "1a.2b.3c",
    ] {
        let text = format!(
            "[agent]\nname = \"a\"\n[network]\nallow = [\"{item}\", {{ to = \"{item}\", private = true, \
             types = [\"TXT\", \"MX\"] }}, {{ to = \"any://a.example\", tls = true, private = false }}, \
             {{ to = \"any://a.example\", tls = \"any\", types = [] }}]\n\
             deny = [\"{item}\", {{ to = \"{item}\", mode = \"observe\" }}, \"*.com\"]\n"
        );
        assert!(parse(Path::new("a.toml"), &text).is_ok(), "{text}");
        assert!(accepts(&text), "{text}");
    }
    for path in [
        "/",
        "/a",
        "/srv/*/a*/**",
        "**/.env",
        "/@a",
        "/...",
        "/a b/ü",
    ] {
        let text = format!(
            "[agent]\nname = \"a\"\nprofiles = [\"base\"]\nrequire = [\"network\", \"files\"]\n\
             [files]\nread = [\"{path}\"]\ndeny = [{{ path = \"{path}\", mode = \"observe\" }}]\n\
             [process]\nuser_namespaces = true\nptrace = \"agent\"\n"
        );
        assert!(parse(Path::new("a.toml"), &text).is_ok(), "{text}");
        assert!(accepts(&text), "{text}");
    }
    for socket in ["/run/a", "@a", "@/tmp/x*", "/run/@a", "**/a.sock"] {
        let text = format!(
            "[agent]\nname = \"a\"\n[sockets]\nconnect = [\"{socket}\", {{ to = \"{socket}\" }}]\n"
        );
        assert!(parse(Path::new("a.toml"), &text).is_ok(), "{text}");
        assert!(accepts(&text), "{text}");
    }
    for unit in [
        "a.service",
        "a@1.service",
        "-.slice",
        "a\\x2db.scope",
        "a.socket",
    ] {
        let text =
            format!("[agent]\nname = \"a\"\n[match]\nunits = ['{unit}']\ncgroups = ['/a b/c']\n");
        assert!(parse(Path::new("a.toml"), &text).is_ok(), "{text}");
        assert!(accepts(&text), "{text}");
    }
}

#[test]
fn what_the_schema_refuses_the_parser_refuses() {
    for text in [
        "",
        "[agent]\n",
        "[agent]\nname = \"A\"\n",
        "[agent]\nname = 1\n",
        "[agent]\nname = \"a\"\nower = \"b\"\n",
        "[agent]\nname = \"a\"\nmode = \"off\"\n",
        "[agent]\nname = \"a\"\n[limits]\n",
        "[agent]\nname = \"a\"\n[approval]\n",
        "[agent]\nname = \"a\"\n[[flow]]\n",
        "[agent]\nname = \"a\"\nprofiles = [\"basic\"]\n",
        "[agent]\nname = \"a\"\nprofiles = [\"base\", \"base\"]\n",
        "[agent]\nname = \"a\"\nprofiles = \"base\"\n",
        "[agent]\nname = \"a\"\nrequire = [\"lsm\"]\n",
        "[agent]\nname = \"a\"\n[files]\nopen = []\n",
        "[agent]\nname = \"a\"\n[files]\nread = \"/a\"\n",
        "[agent]\nname = \"a\"\n[files]\nread = [\"a\"]\n",
        "[agent]\nname = \"a\"\n[files]\nread = [\"/a/\"]\n",
        "[agent]\nname = \"a\"\n[files]\nread = [\"/a//b\"]\n",
        "[agent]\nname = \"a\"\n[files]\nread = [\"**\"]\n",
        "[agent]\nname = \"a\"\n[files]\nread = [{ to = \"/a\" }]\n",
        "[agent]\nname = \"a\"\n[files]\ndeny = [{ path = \"/a\", mode = \"off\" }]\n",
        "[agent]\nname = \"a\"\n[sockets]\nconnect = [\"@\"]\n",
        "[agent]\nname = \"a\"\n[sockets]\nconnect = [\"/@a\"]\n",
        "[agent]\nname = \"a\"\n[sockets]\nconnect = [{ path = \"/a\" }]\n",
        "[agent]\nname = \"a\"\n[process]\nuser_namespaces = \"yes\"\n",
        "[agent]\nname = \"a\"\n[process]\nptrace = true\n",
        "[agent]\nname = \"a\"\n[process]\nptrace = \"all\"\n",
        "[agent]\nname = \"a\"\n[process]\nsignals = \"agent\"\n",
        "[agent]\nname = \"a\"\n[match]\nunits = [\"a.timer\"]\n",
        "[agent]\nname = \"a\"\n[match]\nunits = [\"a/b.service\"]\n",
        "[agent]\nname = \"a\"\n[match]\ncgroups = [\"a\"]\n",
        "[agent]\nname = \"a\"\n[match]\ncgroups = [\"/a/\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = \"10.0.0.1\"\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"http://10.0.0.1\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"10.0.0.1:0\"]\n",
        "[agent]\nname = \"a\"\n[network]\nlisten = [\"example.com:443\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"example.com:0\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"example.com/x\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"a.*.example.com\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"*\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"10.0.0\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\".example.com\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"a.example\", tls = false }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"a.example\", tls = \"all\" }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"a.example\", private = \"yes\" }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"a.example\", types = \"TXT\" }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"a.example\", types = [\"A\"] }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"a.example\", types = [\"ANY\"] }]\n",
        "[agent]\nname = \"a\"\n[network]\ndeny = [{ to = \"a.example\", private = true }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [\"2001:db8::/32:443\"]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ at = \"10.0.0.1\" }]\n",
        "[agent]\nname = \"a\"\n[network]\nlisten = [{ to = \"10.0.0.1\" }]\n",
        "[agent]\nname = \"a\"\n[network]\nallow = [{ to = \"10.0.0.1\", mode = \"off\" }]\n",
    ] {
        assert!(!accepts(text), "{text}");
        assert!(parse(Path::new("a.toml"), text).is_err(), "{text}");
    }
}
