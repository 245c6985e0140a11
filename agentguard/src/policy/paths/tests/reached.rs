//! What rules say about everything beneath a directory.

use agentguard_common::path::{Access, State};

use super::{names, read};
use crate::policy::{
    Mode,
    paths::{Accesses, Effect, PathRule, Reach},
};

fn deny(number: u16, text: &str) -> PathRule {
    PathRule {
        effect: Effect::Deny,
        ..read(number, text)
    }
}

fn reach(rules: &[PathRule]) -> Reach {
    Reach::new(rules).unwrap_or_else(|error| panic!("{error}"))
}

fn state(reach: &Reach, path: &str) -> State {
    names(path).fold(reach.root().unwrap(), |state, name| {
        reach.enter(&state, name).unwrap()
    })
}

fn only(access: Access) -> Accesses {
    [access].into_iter().collect()
}

#[test]
fn a_hierarchy_is_permitted_from_its_directory_on() {
    let rules = [
        read(0, "/srv/papers/**"),
        PathRule {
            effect: Effect::Allow(vec![Access::Read, Access::Write]),
            ..read(1, "/srv/*/out/**")
        },
        read(2, "/etc/hosts"),
    ];
    let reach = reach(&rules);
    let read = only(Access::Read);
    let both = read | only(Access::Write);
    for (path, permitted, whole, beneath) in [
        ("/", Accesses::NONE, Accesses::NONE, both),
        ("/srv", Accesses::NONE, Accesses::NONE, both),
        ("/srv/papers", read, read, both),
        ("/srv/papers/a", read, read, read),
        ("/srv/papers/out", both, both, both),
        ("/srv/other", Accesses::NONE, Accesses::NONE, both),
        ("/srv/other/out/x", both, both, both),
        ("/etc", Accesses::NONE, Accesses::NONE, read),
        ("/etc/hosts", read, Accesses::NONE, Accesses::NONE),
        ("/home", Accesses::NONE, Accesses::NONE, Accesses::NONE),
    ] {
        let state = state(&reach, path);
        assert_eq!(reach.permitted(&state), permitted, "{path}");
        assert_eq!(reach.whole(&state), whole, "{path}");
        assert_eq!(reach.beneath(&state), beneath, "{path}");
        assert_eq!(reach.refusal(&state), None, "{path}");
    }
    assert_eq!(reach.grant(&state(&reach, "/etc")), Some(2));
    assert_eq!(reach.grant(&state(&reach, "/etc/hosts")), Some(2));
    assert_eq!(reach.grant(&state(&reach, "/srv/x")), Some(1));
    assert_eq!(reach.grant(&state(&reach, "/etc/hosts/x")), None);
}

#[test]
fn a_refusal_is_known_where_a_path_beneath_can_match() {
    let reach = reach(&[
        read(0, "/**"),
        deny(1, "/srv/papers/embargoed/**"),
        deny(2, "/home/*/.ssh/**"),
        PathRule {
            mode: Mode::Observe,
            ..deny(3, "/opt/**")
        },
    ]);
    for (path, refusal) in [
        ("/", Some(1)),
        ("/srv", Some(1)),
        ("/srv/papers", Some(1)),
        ("/srv/papers/a", None),
        ("/srv/papers/embargoed", Some(1)),
        ("/srv/papers/embargoed/x", Some(1)),
        ("/home", Some(2)),
        ("/home/u", Some(2)),
        ("/home/u/.ssh", Some(2)),
        ("/home/u/work", None),
        // Observed: it refuses nothing.
        ("/opt/x", None),
    ] {
        assert_eq!(reach.refusal(&state(&reach, path)), refusal, "{path}");
    }
    let everywhere = Reach::new(&[read(0, "/**"), deny(1, "/**/.env")]).unwrap();
    assert_eq!(
        everywhere.refusal(&state(&everywhere, "/a/b/c")),
        Some(1),
        "it can be anywhere"
    );
}

#[test]
fn names_that_lead_nowhere_are_not_asked_for() {
    let reach = reach(&[
        read(0, "/usr/bin/python3*"),
        read(1, "/usr/lib/**"),
        PathRule {
            effect: Effect::Allow(vec![Access::Exec]),
            ..read(2, "/usr/bin/env")
        },
        deny(3, "/usr/share/x"),
    ]);
    let read = only(Access::Read);
    let names = |path: &str, wanted| {
        let state = state(&reach, path);
        let names = reach.names(&state, wanted);
        let mut literals: Vec<_> = names
            .literals
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        literals.sort();
        (literals.join(" "), names.any)
    };
    assert_eq!(names("/", read), ("usr".into(), false));
    assert_eq!(names("/usr", read), ("bin lib".into(), false));
    assert_eq!(names("/usr/bin", read), (String::new(), true));
    assert_eq!(names("/usr/bin", only(Access::Exec)), ("env".into(), false));
    assert_eq!(names("/usr/lib", read), (String::new(), true));
    assert_eq!(names("/usr/share", read), (String::new(), false));
}

#[test]
fn what_is_too_deep_is_not_permitted() {
    let reach = reach(&[read(0, "/**")]);
    let deep = "/a".repeat(128);
    assert_eq!(reach.permitted(&state(&reach, &deep)), only(Access::Read));
    assert_eq!(reach.enter(&state(&reach, &deep), b"a"), None);
}
