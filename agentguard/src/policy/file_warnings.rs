//! Rules about files and sockets that are valid, but wider than an operator may have meant.

use super::{
    file_rules::{FileRules, NumberedRule, PathList},
    paths::Pattern,
    scope::{Mode, Scope},
    warnings::Warning,
};

/// Places that are worth a warning, and what they are.
type Places = &'static [(&'static str, &'static [&'static str])];

/// What makes something run that is not the agent, later or with other rights.
const PERSISTENCE: Places = &[
    ("configuration of the host", &["/etc/**"]),
    (
        "programs and libraries of the host",
        &["/usr/**", "/bin/**", "/sbin/**", "/lib*/**", "/boot/**"],
    ),
    (
        "start-up files of shells",
        &[
            "/home/*/.bash*",
            "/root/.bash*",
            "/home/*/.profile",
            "/root/.profile",
            "/home/*/.z*",
            "/root/.z*",
        ],
    ),
    (
        "systemd units",
        &[
            "/run/systemd/**",
            "/home/*/.config/systemd/**",
            "/root/.config/systemd/**",
        ],
    ),
    ("cron tables", &["/var/spool/cron/**"]),
    (
        "programs that desktops start",
        &["/home/*/.config/autostart/**", "/root/.config/autostart/**"],
    ),
    ("SSH keys", &["/home/*/.ssh/**", "/root/.ssh/**"]),
    (
        "git hooks",
        &["/home/*/**/.git/hooks/*", "/root/**/.git/hooks/*"],
    ),
    (
        "kernel settings",
        &["/proc/sys/**", "/proc/sysrq-trigger", "/sys/**"],
    ),
    (
        "raw disks and memory",
        &[
            "/dev/sd*",
            "/dev/vd*",
            "/dev/nvme*",
            "/dev/dm-*",
            "/dev/mem",
            "/dev/kmem",
        ],
    ),
    (
        "agentguard itself",
        &["/run/agentguard/**", "/var/log/agentguard/**"],
    ),
];

/// What opens other doors to whoever reads it.
const CREDENTIALS: Places = &[
    ("password hashes", &["/etc/shadow", "/etc/gshadow"]),
    (
        "SSH keys",
        &[
            "/home/*/.ssh/**",
            "/root/.ssh/**",
            "/etc/ssh/ssh_host_*_key",
        ],
    ),
    ("TLS keys", &["/etc/ssl/private/**"]),
    (
        "cloud credentials",
        &[
            "/home/*/.aws/**",
            "/root/.aws/**",
            "/home/*/.config/gcloud/**",
            "/root/.config/gcloud/**",
            "/home/*/.azure/**",
            "/root/.azure/**",
            "/home/*/.kube/**",
            "/root/.kube/**",
        ],
    ),
    ("GnuPG keys", &["/home/*/.gnupg/**", "/root/.gnupg/**"]),
    (
        "stored passwords",
        &[
            "/home/*/.netrc",
            "/root/.netrc",
            "/home/*/.git-credentials",
            "/root/.git-credentials",
            "/home/*/.docker/config.json",
            "/root/.docker/config.json",
        ],
    ),
];

/// Who does as it is told, with rights of its own.
const DEPUTIES: Places = &[
    (
        "containers, which is to be root",
        &[
            "/run/docker.sock",
            "/run/containerd/**",
            "/run/crio/**",
            "/run/podman/**",
            "/run/user/*/podman/**",
            "/run/user/*/docker.sock",
        ],
    ),
    (
        "D-Bus and systemd, which start programs",
        &[
            "/run/dbus/**",
            "/run/user/*/bus",
            "/run/systemd/**",
            "/run/user/*/systemd/**",
        ],
    ),
    (
        "resolvers of the host, which ask for any name",
        &[
            "/run/systemd/resolve/**",
            "/run/nscd/**",
            "/run/avahi-daemon/**",
        ],
    ),
    ("terminals of others", &["/tmp/tmux-*/**", "/run/screen/**"]),
    (
        "agents that hold keys",
        &[
            "/tmp/ssh-*/**",
            "/run/user/*/keyring/**",
            "/run/user/*/gnupg/**",
        ],
    ),
    ("desktops", &["/tmp/.X11-unix/*", "/run/user/*/wayland-*"]),
];

/// Warns of what a scope permits with files and sockets, and of what it does not confine.
pub(super) fn file_warnings(scope: &Scope) -> Vec<Warning> {
    let Some(files) = scope.files.as_deref() else {
        // Who says that the network is enough has thought of it.
        let is_meant = scope.require.is_some_and(|required| !required.files);
        let what = if scope.path_rules().is_some() {
            "neither files nor programs, and of Unix sockets only those of the host's resolvers"
        } else {
            "neither files nor programs nor Unix sockets"
        };
        let message = format!(
            "confines {what}; add [files] or profiles, or require = [\"network\"] if that is meant"
        );
        return (!is_meant)
            .then(|| about_all(&message))
            .into_iter()
            .collect();
    };
    let rules: Vec<_> = files
        .iter()
        .filter_map(|rule| Compared::new(files, rule))
        .collect();
    let mut warnings = Vec::new();
    let starts = |it: &Compared<'_>| {
        it.list() == PathList::Exec
            && it
                .rule
                .profile
                .is_none_or(|profile| profile.name() != "base")
    };
    if !rules.iter().any(starts) {
        warnings.push(about_all(
            "permits no program to be executed: nothing can run",
        ));
    }
    for it in rules.iter().filter(|it| it.rule.profile.is_none()) {
        for what in of_rule(it, &rules) {
            warnings.push(Warning {
                place: Some(files.place(&it.rule)),
                message: format!("{:?} {what}", it.rule.text()),
            });
        }
    }
    warnings
}

fn about_all(what: &str) -> Warning {
    Warning {
        place: None,
        message: format!("the scope {what}"),
    }
}

/// A rule and the pattern that it is compared by.
struct Compared<'a> {
    rule: NumberedRule<'a>,
    pattern: Pattern,
}

impl<'a> Compared<'a> {
    fn new(files: &'a FileRules, rule: NumberedRule<'a>) -> Option<Self> {
        let resolved = files.resolved(rule.number).cloned();
        let pattern = resolved.or_else(|| rule.pattern().ok())?;
        Some(Self { rule, pattern })
    }

    fn list(&self) -> PathList {
        self.rule.rule.list
    }
}

fn of_rule(it: &Compared<'_>, rules: &[Compared<'_>]) -> Vec<String> {
    let is_denied = |place: &Pattern| {
        rules.iter().any(|deny| {
            deny.list() == PathList::Deny
                && deny.rule.rule.mode == Mode::Enforce
                && (deny.pattern.covers(place) || deny.pattern.covers(&it.pattern))
        })
    };
    // No rule that names anything matches this.
    let is_all = ["/\u{1}", "/\u{1}/\u{1}/\u{1}"]
        .iter()
        .any(|path| path.parse().is_ok_and(|path| it.pattern.overlaps(&path)));
    let reached = |places: Places| {
        let reaches = |text: &str| {
            text.parse()
                .is_ok_and(|place| it.pattern.overlaps(&place) && !is_denied(&place))
        };
        let kinds = places
            .iter()
            .filter(|(_, places)| places.iter().any(|text| reaches(text)));
        let kinds: Vec<_> = kinds.map(|(kind, _)| *kind).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    };
    let list = it.list();
    let mut found = Vec::new();
    if is_all {
        found.extend(match list {
            PathList::Read => Some("permits reading whatever no deny rule names"),
            PathList::Write => Some("permits changing whatever no deny rule names"),
            PathList::Exec => Some("permits executing whatever no deny rule names"),
            PathList::Connect => Some("permits every local service that no deny rule names"),
            PathList::Deny => None,
        });
    }
    let mut found: Vec<String> = found.into_iter().map(str::to_owned).collect();
    if matches!(list, PathList::Read | PathList::Write) {
        let credentials = reached(CREDENTIALS);
        found.extend(credentials.map(|kinds| format!("permits reading credentials: {kinds}")));
    }
    if list == PathList::Write {
        let kinds = reached(PERSISTENCE);
        found.extend(
            kinds.map(|kinds| format!("permits changing what others run or rely on: {kinds}")),
        );
    }
    if list == PathList::Connect {
        let deputies = reached(DEPUTIES);
        found.extend(deputies.map(|kinds| format!("permits talking to {kinds}")));
    }
    if list == PathList::Exec {
        let made = rules.iter().find(|write| {
            write.list() == PathList::Write
                && write.pattern.overlaps(&it.pattern)
                && !is_denied(&write.pattern)
        });
        found.extend(made.map(|write| {
            format!(
                "permits executing what the agent can make itself, by {:?}",
                write.rule.text()
            )
        }));
    }
    found
}
