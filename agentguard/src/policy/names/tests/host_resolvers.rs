//! The sockets of the host's resolvers.

use std::path::Path;

use agentguard_common::{
    path::Access,
    scope::{FLAG_NAMES, FLAG_SOCKETS},
};

use super::network;
use crate::policy::{
    Explained, PathTarget, Scope, compile, explain_path,
    host_paths::{HostPaths, Link},
    parse, warnings,
};

const NAMES: &str = "allow = [\"a.test:443\"]";

/// A host without links.
struct Plain;

impl HostPaths for Plain {
    fn link(&self, _: &Path) -> std::io::Result<Option<Link>> {
        Ok(None)
    }
}

fn ask(scope: &Scope, path: &str, access: Access) -> (Explained, String, String) {
    let target = PathTarget::parse(path, access, &Plain).unwrap();
    let found = explain_path(scope, &compile(scope).unwrap(), &target);
    (
        found.verdict,
        found.rule.unwrap_or(found.reason),
        found.rule_file.unwrap_or_default(),
    )
}

#[test]
fn a_scope_with_names_and_nothing_about_sockets_closes_them() {
    let scope = network(NAMES);
    let file = "built-in resolvers";
    for (path, rule) in [
        (
            "/run/systemd/resolve/io.systemd.Resolve",
            "deny /run/systemd/resolve/**",
        ),
        (
            "/run/dbus/system_bus_socket",
            "deny /run/dbus/system_bus_socket",
        ),
        ("/run/nscd/socket", "deny /run/nscd/**"),
        ("/var/run/nscd/socket", "deny /var/run/nscd/**"),
        ("/run/avahi-daemon/socket", "deny /run/avahi-daemon/**"),
    ] {
        let refused = (Explained::Refused, rule.to_owned(), file.to_owned());
        assert_eq!(ask(&scope, path, Access::Connect), refused);
        // A file of the same place is another matter.
        let open = (
            Explained::Permitted,
            "not-confined".to_owned(),
            String::new(),
        );
        assert_eq!(ask(&scope, path, Access::Read), open);
    }
    for path in [
        "/run/docker.sock",
        "/run/user/0/bus",
        "/run/dbus/other",
        "@any/thing",
    ] {
        let (verdict, rule, _) = ask(&scope, path, Access::Connect);
        assert_eq!(
            (verdict, rule.as_str()),
            (Explained::Permitted, "connect /**")
        );
    }
}

#[test]
fn nothing_else_is_confined_by_that() {
    let scope = network(NAMES);
    let compiled = compile(&scope).unwrap();
    assert!(scope.files.is_none() && !compiled.confines_files());
    assert_eq!(compiled.header().flags, FLAG_NAMES | FLAG_SOCKETS);
    assert!(!scope.required().files, "it runs without BPF LSM");
}

#[test]
fn without_names_and_with_rules_of_its_own_a_scope_has_what_it_says() {
    let scope = network("allow = [\"10.0.0.1\"]");
    assert!(scope.path_rules().is_none() && compile(&scope).unwrap().paths().is_none());
    for section in ["[sockets]", "[files]", "[process]"] {
        let text = format!("[agent]\nname = \"bot\"\n[network]\n{NAMES}\n{section}\n");
        let scope = parse(Path::new("bot.toml"), &text).unwrap();
        let compiled = compile(&scope).unwrap();
        assert!(compiled.confines_files(), "{section}");
        assert_eq!(compiled.header().flags, FLAG_NAMES);
        let nscd = ask(&scope, "/run/nscd/socket", Access::Connect);
        assert_eq!(nscd.1, "no-rule", "{section}");
    }
}

#[test]
fn a_rule_that_opens_them_is_warned_of() {
    let text = format!(
        "[agent]\nname = \"bot\"\nprofiles = [\"shell\"]\n[network]\n{NAMES}\n[sockets]\nconnect = [\"/run/nscd/*\"]\n"
    );
    let scope = parse(Path::new("bot.toml"), &text).unwrap();
    let found: Vec<_> = warnings(&scope).into_iter().map(|it| it.message).collect();
    let expected =
        "\"connect /run/nscd/*\" permits talking to resolvers of the host, which ask for any name";
    assert_eq!(found, [expected]);
    let found: Vec<_> = warnings(&network(NAMES))
        .into_iter()
        .map(|it| it.message)
        .collect();
    assert!(
        found[0].contains("of Unix sockets only those of the host's resolvers"),
        "{found:?}"
    );
}
