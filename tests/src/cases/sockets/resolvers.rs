//! D05: the sockets of those who resolve names for the whole host, and an agent whose scope has rules by name and says
//! nothing of sockets.

use std::{
    fs,
    os::{fd::OwnedFd, unix::fs::FileTypeExt},
    path::{Path, PathBuf},
};

use crate::{
    cases::{
        objects::{table::permitted, tree},
        story::{has, only, refused, worked},
        table::{paired, scenario},
    },
    ensure,
    error::{Context, Outcome},
    harness::{Group, Stage},
    sys::{self, SockAddr},
};

const NAMED: (&str, &str) = (
    "named",
    "[agent]\nname = \"named\"\n\n[network]\nallow = [\"api.agents.example:443\"]\n",
);
const WATCHED: (&str, &str) = (
    "watched",
    "[agent]\nname = \"watched\"\nmode = \"observe\"\n\n[network]\nallow = [\"api.agents.example:443\"]\n",
);
/// Without names it is no matter.
const PLAIN: (&str, &str) = (
    "plain",
    "[agent]\nname = \"plain\"\n\n[network]\nallow = [\"10.77.0.2\"]\n",
);
/// It says so.
const TRUSTED: (&str, &str) = (
    "trusted",
    "[agent]\nname = \"trusted\"\n\n[network]\nallow = [\"api.agents.example:443\"]\n\n[files]\nread = [\"/**\"]\n\
     exec = [\"/**\"]\n\n[sockets]\nconnect = [\"/run/nscd/socket\"]\n",
);

const DOCKER: &str = "$sockets/stranger/docker.sock";
const LOG: &str = "$sockets/stranger/log";
const SECRET: &str = "$tree/secret/file";

// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "resolvers",
    // No scope has rules about files: what they need must be there all the same.
    scopes: &[NAMED, WATCHED, PLAIN],
    layout: Some(tree::LAYOUT),
    internet: false,
    cases: &[
        paired("D05-sockets", |stage| each(stage, None), |stage| each(stage, Some("named"))),
        scenario("D05-sockets-observed", observed),
        scenario("D05-sockets-without-names", |stage| each(stage, Some("plain"))),
        paired("D05-socket-by-link", |stage| link(stage, None), |stage| link(stage, Some("named"))),
        paired("D05-sockets-by-a-datagram", |stage| datagram(stage, None), |stage| datagram(stage, Some("named"))),
        scenario("D05-permitted-by-a-rule", trusted),
        permitted("other-stream", "named", &["unix-connect", "stream", DOCKER]),
        permitted("other-datagram", "named", &["unix-sendto", LOG]),
        permitted("other-packets", "named", &["unix-connect", "packet", "$sockets/stranger/packets"]),
        permitted("other-abstract", "named", &["unix-connect", "stream", "@$name-stranger-docker.sock"]),
        permitted("other-abstract-datagram", "named", &["unix-sendto", "@$name-stranger-log"]),
        permitted("other-through-a-ring", "named", &["uring-unix", "worker", DOCKER]),
        permitted("own", "named", &["unix-own", "stream", "$tree/open/own"]),
        permitted("pair-stream", "named", &["unix-pair", "stream"]),
        permitted("pair-datagram", "named", &["unix-pair", "datagram"]),
        permitted("files", "named", &["file-times", "path", SECRET]),
        permitted("received-file", "named", &["receive", "$sockets/stranger/offer", "read $tree/secret/file"]),
        permitted("own-cgroup", "named", &["cgroup-open", "own", "cgroup.procs"]),
        permitted("own-namespace", "named", &["namespace", "unshare"]),
        permitted("own-mount", "named", &["namespace-mount", "$tree/open/mount", SECRET]),
        permitted("own-child", "named", &["trace-child", "attach"]),
    ],
};

/// Sockets of resolvers, and the rules that close them.
const SOCKETS: [(&str, &str); 4] = [
    (
        "/run/systemd/resolve/io.systemd.Resolve",
        "deny /run/systemd/resolve/**",
    ),
    (
        "/run/dbus/system_bus_socket",
        "deny /run/dbus/system_bus_socket",
    ),
    ("/run/nscd/socket", "deny /run/nscd/**"),
    ("/run/avahi-daemon/socket", "deny /run/avahi-daemon/**"),
];
const NSCD: &str = "/run/nscd/socket";

/// A socket that somebody listens on: who is there, or else this process.
struct Door {
    /// What this process listens on.
    own: Option<OwnedFd>,
    /// What it has made for that.
    made: Vec<PathBuf>,
}

impl Door {
    fn open(path: &str, kind: i32) -> Outcome<Self> {
        let mut door = Self {
            own: None,
            made: Vec::new(),
        };
        if fs::metadata(path).is_ok_and(|it| it.file_type().is_socket()) {
            return Ok(door);
        }
        let above: Vec<_> = Path::new(path).ancestors().skip(1).collect();
        for directory in above.into_iter().rev().filter(|it| !it.exists()) {
            fs::create_dir(directory).context("make a directory")?;
            door.made.push(directory.to_owned());
        }
        let socket = sys::socket(libc::AF_UNIX, kind, 0)?;
        sys::bind(&socket, &SockAddr::unix(path)?)?;
        door.made.push(path.into());
        if kind != libc::SOCK_DGRAM {
            sys::listen(&socket)?;
        }
        door.own = Some(socket);
        Ok(door)
    }

    /// Whether somebody has come since it was asked the last time; nothing if that cannot be known.
    fn was_reached(&self) -> Outcome<Option<bool>> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;

        let Some(socket) = &self.own else {
            return Ok(None);
        };
        let mut wait = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        let reached = poll(&mut wait, PollTimeout::ZERO).map_err(std::io::Error::from)? > 0;
        if reached && sys::accept(socket).is_err() {
            sys::recv(socket, &mut [0; 64])?;
        }
        Ok(Some(reached))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            let removed = if path.is_dir() {
                fs::remove_dir(path)
            } else {
                fs::remove_file(path)
            };
            if let Err(error) = removed {
                eprintln!("{}: {error}", path.display());
            }
        }
    }
}

/// Knocks, and sees what comes of it: who is refused does not arrive and leaves one record, whoever else does and leaves
/// none.
fn knock(
    stage: &Stage,
    agent: Option<&str>,
    door: &Door,
    technique: &[&str],
    (call, operation): (&str, &str),
    (path, rule): (&str, &str),
) -> Outcome {
    let daemon = match agent {
        Some(_) => Some(stage.daemon()?),
        None => None,
    };
    let moment = match (agent, daemon) {
        (Some(agent), Some(daemon)) => Some(daemon.moment(agent)?),
        _ => None,
    };
    let is_refused = agent == Some("named");
    let reading = stage.perform(agent, technique)?;
    if is_refused {
        refused(&reading, call)?;
    } else {
        worked(&reading)?;
    }
    ensure!(
        door.was_reached()?
            .is_none_or(|reached| reached != is_refused),
        "{path}: somebody arrives, or does not, as he should not"
    );
    let (Some(daemon), Some(moment)) = (daemon, moment) else {
        return Ok(());
    };
    let happened = daemon.since(&moment)?;
    if agent == Some("plain") {
        ensure!(happened.violations.is_empty(), "records: {happened:?}");
        return Ok(());
    }
    let verdict = if is_refused { "refused" } else { "observed" };
    let fields = [
        ("verdict", verdict),
        ("operation", operation),
        ("path", path),
        ("access", "connect"),
        ("rule", rule),
        ("rule_file", "built-in resolvers"),
    ];
    has(only(&happened)?, &fields)
}

fn each(stage: &Stage, agent: Option<&str>) -> Outcome {
    for place in SOCKETS {
        let door = Door::open(place.0, libc::SOCK_STREAM)?;
        let technique = ["unix-connect", "stream", place.0];
        knock(
            stage,
            agent,
            &door,
            &technique,
            ("connect", "connect-unix"),
            place,
        )?;
    }
    Ok(())
}

fn observed(stage: &Stage) -> Outcome {
    each(stage, Some("watched"))
}

/// A symbolic link of the agent's own.
fn link(stage: &Stage, agent: Option<&str>) -> Outcome {
    stage.tree()?.fill()?;
    let door = Door::open(NSCD, libc::SOCK_STREAM)?;
    let technique = ["unix-by-link", "stream", NSCD, "$tree/open/link"];
    knock(
        stage,
        agent,
        &door,
        &technique,
        ("connect", "connect-unix"),
        (NSCD, "deny /run/nscd/**"),
    )
}

fn datagram(stage: &Stage, agent: Option<&str>) -> Outcome {
    // Nobody has such a one.
    let path = "/run/nscd/agentguard-suite";
    let door = Door::open(path, libc::SOCK_DGRAM)?;
    knock(
        stage,
        agent,
        &door,
        &["unix-sendto", path],
        ("sendto", "send-unix"),
        (path, "deny /run/nscd/**"),
    )
}

/// A scope that permits such a socket by a rule of its own has it, and nothing else.
fn trusted(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[TRUSTED])?;
    let door = Door::open(NSCD, libc::SOCK_STREAM)?;
    worked(&stage.try_tagged(&daemon, "trusted", &["unix-connect", "stream", NSCD])?)?;
    ensure!(door.was_reached()? != Some(false), "nobody arrives");
    let bus = SOCKETS[1].0;
    let _bus = Door::open(bus, libc::SOCK_STREAM)?;
    let moment = daemon.moment("trusted")?;
    refused(
        &stage.try_tagged(&daemon, "trusted", &["unix-connect", "stream", bus])?,
        "connect",
    )?;
    let happened = daemon.since(&moment)?;
    has(only(&happened)?, &[("path", bus), ("reason", "no-rule")])
}
