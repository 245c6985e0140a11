//! Where paths in rules lead on a host.

use std::{
    cell::Cell,
    collections::HashMap,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use agentguard_common::{path::Access, verdict::Action};

use super::scope;
use crate::policy::{Host, HostPaths, Link, Scope, compile, load_each, resolve::resolve};

/// A host that has these links and all other files, but what has `missing` in its name.
struct Fake {
    links: HashMap<PathBuf, Link>,
    asked: Cell<usize>,
}

impl HostPaths for Fake {
    fn link(&self, path: &Path) -> io::Result<Option<Link>> {
        self.asked.set(self.asked.get() + 1);
        let text = path.to_str().unwrap();
        if text.contains("missing") {
            return Err(io::ErrorKind::NotFound.into());
        }
        if text.contains("locked/") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(self.links.get(path).cloned())
    }

    /// `/mnt/a` is `/data/a`.
    fn place(&self, path: PathBuf) -> PathBuf {
        match path.strip_prefix("/mnt/a") {
            Ok(rest) => Path::new("/data/a").join(rest),
            Err(_) => path,
        }
    }
}

/// Links, each with its target and its owner.
fn host(links: &[(&str, &str, u32)]) -> Fake {
    let links = links.iter().map(|(path, target, owner)| {
        let (target, owner) = (PathBuf::from(target), *owner);
        (PathBuf::from(path), Link { target, owner })
    });
    Fake {
        links: links.collect(),
        asked: Cell::new(0),
    }
}

/// Resolves the rules of `[files]` and `[sockets]`; returns the notes, and which the patterns are.
fn resolved(sections: &str, host: &Fake) -> (Scope, Vec<String>) {
    let mut scope = scope(&format!("[agent]\nname = \"bot\"\n{sections}\n"));
    let notes = resolve(&mut scope, host)
        .iter()
        .map(|note| {
            let kind = if note.is_warning { "warning" } else { "note" };
            format!(
                "{}:{}: {kind}: {}",
                note.place.line, note.place.column, note.message
            )
        })
        .collect();
    (scope, notes)
}

fn permits(scope: &Scope, path: &str, access: Access) -> bool {
    let compiled = compile(scope).unwrap();
    let names = path
        .split('/')
        .filter(|name| !name.is_empty())
        .map(str::as_bytes);
    compiled.paths().unwrap().decide(names, access).action == Action::Permit
}

#[test]
fn links_in_the_literal_beginning_are_followed() {
    let host = host(&[
        ("/lib", "usr/lib", 0),
        ("/bin", "/usr/bin", 0),
        ("/usr/bin/sh", "dash", 0),
        ("/usr/bin/awk", "/etc/alternatives/awk", 0),
        ("/etc/alternatives/awk", "../../usr/./bin/mawk", 0),
        ("/run/host", "/", 0),
    ]);
    for (written, expected) in [
        ("/lib/**", "/usr/lib/**"),
        ("/bin/sh", "/usr/bin/dash"),
        ("/bin/awk", "/usr/bin/mawk"),
        ("/run/host/etc/*", "/etc/*"),
        ("/run/host", "/"),
        ("/mnt/a/x/*.y", "/data/a/x/*.y"),
        // What is missing cannot be a link. Behind it stands what was asked for.
        ("/lib/missing/lib", "/usr/lib/missing/lib"),
    ] {
        let (scope, notes) = resolved(&format!("[files]\nread = [\"{written}\"]"), &host);
        let pattern = scope.files.as_ref().unwrap().resolved(0).unwrap();
        assert_eq!(pattern.to_string(), expected);
        assert_eq!(
            notes,
            [format!("4:9: note: \"read {written}\" is {expected}")]
        );
        let inside = expected.replace("**", "a/b").replace('*', "a");
        assert!(permits(&scope, &inside, Access::Read), "{inside}");
    }
    for written in [
        "/usr/lib/**",
        "/*/sh",
        "/**/lib",
        "/l*/a",
        "/missing/a",
        "/",
        "/srv",
    ] {
        let (scope, notes) = resolved(&format!("[files]\nread = [\"{written}\"]"), &host);
        assert_eq!(scope.files.as_ref().unwrap().resolved(0), None, "{written}");
        assert_eq!(notes, [""; 0]);
    }
}

#[test]
fn sockets_are_followed_but_not_abstract_ones() {
    let host = host(&[("/var/run", "/run", 0), ("/@a", "/b", 0)]);
    let (scope, notes) = resolved("[sockets]\nconnect = [\"/var/run/x.sock\", \"@a\"]", &host);
    assert_eq!(
        notes,
        ["4:12: note: \"connect /var/run/x.sock\" is /run/x.sock"]
    );
    assert!(permits(&scope, "/run/x.sock", Access::Connect));
    assert!(permits(&scope, "/@a", Access::Connect));
}

#[test]
fn what_stands_for_the_asker_is_not_followed() {
    let host = host(&[
        ("/proc/self", "4711", 0),
        ("/proc/thread-self", "4711/task/4711", 0),
        ("/proc/mounts", "self/mounts", 0),
        ("/proc/4711", "wrong", 0),
        ("/dev/fd", "/proc/self/fd", 0),
    ]);
    for (written, expected) in [
        ("/proc/self/fd/1", None),
        ("/proc/self/**", None),
        ("/proc/thread-self/comm", None),
        ("/proc/mounts", Some("/proc/self/mounts")),
        ("/dev/fd/**", Some("/proc/self/fd/**")),
    ] {
        let (scope, _) = resolved(&format!("[files]\nread = [\"{written}\"]"), &host);
        let found = scope.files.unwrap().resolved(0).map(ToString::to_string);
        assert_eq!(found.as_deref(), expected, "{written}");
    }
}

#[test]
fn links_of_others_do_not_widen_a_scope() {
    let host = host(&[("/home/a/in", "/etc", 1000), ("/home/a/out", "in/x", 0)]);
    let warning = "goes through the symbolic link \"/home/a/in\", which belongs to user 1000, \
                   and is compared as it is written; write";
    for (list, written, target) in [
        ("read", "/home/a/in/**", "/etc/**"),
        ("write", "/home/a/in/**", "/etc/**"),
        ("exec", "/home/a/in/y", "/etc/y"),
        // Through a link of root's to one that is not.
        ("read", "/home/a/out/**", "/etc/x/**"),
    ] {
        let (scope, notes) = resolved(&format!("[files]\n{list} = [\"{written}\"]"), &host);
        assert_eq!(
            notes,
            [format!(
                "4:{}: warning: \"{list} {written}\" {warning} {target:?}",
                list.len() + 5
            )]
        );
        assert_eq!(scope.files.as_ref().unwrap().resolved(0), None);
        assert!(!permits(&scope, "/etc/x/y", Access::Read));
    }
}

#[test]
fn links_that_the_agent_can_replace_do_not_widen_its_scope() {
    let host = host(&[("/srv/work/in", "/etc", 0), ("/srv/app", "/opt/app", 0)]);
    let files = "read = [\"/srv/work/in/**\"]";
    let (scope, notes) = resolved(
        &format!("[files]\n{files}\nwrite = [\"/srv/work/**\"]"),
        &host,
    );
    assert_eq!(
        notes,
        [
            "4:9: warning: \"read /srv/work/in/**\" goes through the symbolic link \"/srv/work/in\", \
          which the agent may replace, and is compared as it is written; write \"/etc/**\""
        ]
    );
    assert!(!permits(&scope, "/etc/passwd", Access::Read));
    // An observed rule permits, too.
    let observed = "write = [{ path = \"/srv/work/**\", mode = \"observe\" }]";
    let (scope, _) = resolved(&format!("[files]\n{files}\n{observed}"), &host);
    assert!(!permits(&scope, "/etc/passwd", Access::Read));
    // Unless the link is denied.
    let denied = "write = [\"/srv/work/**\"]\ndeny = [\"/srv/work/in\"]";
    let (scope, _) = resolved(&format!("[files]\n{files}\n{denied}"), &host);
    assert!(permits(&scope, "/etc/passwd", Access::Read));

    // A rule for what is behind a link does not let the agent replace the link.
    let (scope, notes) = resolved("[files]\nwrite = [\"/srv/app/**\"]", &host);
    assert_eq!(notes, ["4:10: note: \"write /srv/app/**\" is /opt/app/**"]);
    assert!(permits(&scope, "/opt/app/x", Access::Write));
    assert!(!permits(&scope, "/srv/app", Access::Write));
}

#[test]
fn what_is_denied_is_denied_both_ways() {
    let host = host(&[("/home/a/.env", "conf/env", 1000)]);
    let sections = "[files]\nwrite = [\"/home/a/**\"]\ndeny = [\"/home/a/.env\"]";
    let (scope, notes) = resolved(sections, &host);
    assert_eq!(
        notes,
        ["5:9: note: \"deny /home/a/.env\" is /home/a/conf/env"]
    );
    for path in ["/home/a/.env", "/home/a/conf/env"] {
        for access in [Access::Read, Access::Write] {
            assert!(!permits(&scope, path, access), "{path}");
        }
    }
    assert!(permits(&scope, "/home/a/conf", Access::Write));
}

#[test]
fn what_cannot_be_looked_at_stays_as_it_is_written() {
    let host = host(&[("/a", "b", 0), ("/b", "a", 0), ("/l", "/locked/x/y", 0)]);
    let (scope, notes) = resolved("[files]\nread = [\"/a/c\", \"/l/z\"]", &host);
    assert_eq!(
        notes,
        [
            "4:9: warning: \"read /a/c\" may lead elsewhere, and is compared as it is written: the symbolic link \"/a\" leads in a circle",
            "4:17: note: \"read /l/z\" may lead elsewhere, and is compared as it is written: \"/locked/x\" cannot be looked at: permission denied",
        ]
    );
    assert!(permits(&scope, "/a/c", Access::Read) && permits(&scope, "/l/z", Access::Read));
    assert!(!permits(&scope, "/locked/x/y/z", Access::Read));
}

#[test]
fn rules_of_profiles_are_resolved_too() {
    let host = host(&[
        ("/etc/localtime", "/usr/share/zoneinfo/UTC", 0),
        ("/etc/hosts", "/h", 7),
    ]);
    let (scope, notes) = resolved("profiles = [\"base\"]", &host);
    let files = scope.files.as_ref().unwrap();
    let number = |text| {
        files
            .iter()
            .find(|rule| rule.text() == text)
            .unwrap()
            .number
    };
    let pattern = files.resolved(number("read /etc/localtime")).unwrap();
    assert_eq!(pattern.to_string(), "/usr/share/zoneinfo/UTC");
    assert_eq!(files.resolved(number("read /etc/hosts")), None);
    let warning = notes
        .iter()
        .find(|note| note.contains("/etc/hosts"))
        .unwrap();
    assert!(
        warning.starts_with("3:13: warning: \"read /etc/hosts\" (profile base:"),
        "{warning}"
    );
}

#[test]
fn a_host_is_asked_once_about_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..3)
        .map(|number| {
            let file = directory.path().join(format!("{number}.toml"));
            let text = format!(
                "[agent]\nname = \"a{number}\"\n[files]\nread = [\"/a/b/c\", \"/a/b/d\"]\n"
            );
            fs::write(&file, text).unwrap();
            file
        })
        .collect();
    let host = host(&[]);
    let loaded = load_each(&files, &host);
    assert_eq!((loaded.scopes.len(), host.asked.get()), (3, 4));
}

#[test]
fn the_host_is_the_file_system() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("file"), "").unwrap();
    symlink("file", path("link")).unwrap();
    assert_eq!(Host.link(&path("file")).unwrap(), None);
    assert_eq!(Host.link(directory.path()).unwrap(), None);
    let link = Host.link(&path("link")).unwrap().unwrap();
    assert_eq!(link.target, Path::new("file"));
    assert_eq!(link.owner, nix::unistd::geteuid().as_raw());
    let error = Host.link(&path("none")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
