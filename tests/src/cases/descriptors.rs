//! What a command brings along when it becomes an agent. A socket belongs to the cgroup in which it was
//! made: one that is inherited would not be held to the scope.

use std::{
    net::SocketAddr,
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
    time::Duration,
};

use io_uring::IoUring;

use super::{
    scopes::GUARDED,
    story::{pull, worked},
    table::{paired, scenario},
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Group, Interactive, Stage},
    host::process::{Running, output},
    probe::Reading,
    sys,
    world::addresses::{FORBIDDEN4, NEAR4},
};

const LIMIT: Duration = Duration::from_secs(30);

pub(super) const GROUP: Group = Group {
    name: "descriptors",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        paired(
            "inherited-listener-is-closed",
            |stage| inherited(stage, None),
            |stage| inherited(stage, Some(&[])),
        ),
        scenario("inherited-listener-kept-knowingly", |stage| {
            inherited(stage, Some(&["--keep-fd", "9"]))
        }),
        paired(
            "N30b-inherited-ring-is-closed",
            |stage| inherited_ring(stage, false),
            |stage| inherited_ring(stage, true),
        ),
        scenario("network-socket-as-standard-input", socket_as_input),
    ],
};

/// A listener made outside, at descriptor 9.
fn listener(stage: &Stage) -> Outcome<OwnedFd> {
    stage.world.near.run(|| {
        let socket = sys::socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
        sys::bind(&socket, &SocketAddr::new(NEAR4, 0).into())?;
        sys::listen(&socket)?;
        Ok(socket)
    })
}

fn passing(mut command: Command, fd: RawFd) -> Command {
    // SAFETY: between fork and exec only dup2 is called, which is async-signal-safe.
    unsafe { command.pre_exec(move || sys::check(libc::dup2(fd, 9)).map(drop)) };
    command
}

/// Untagged (`None`) or as an agent, with options of `run`. What is kept knowingly is documented
/// to be outside the scope; everything else is closed.
fn inherited(stage: &Stage, options: Option<&[&str]>) -> Outcome {
    let socket = listener(stage)?;
    let at = sys::local_address(&socket)?;
    let technique = ["accept-inherited", "9"];
    let command = match options {
        None => stage.untagged(&technique),
        Some(options) => {
            let daemon = stage.daemon()?;
            let mut command = stage.world.near.command(&daemon.settings().program);
            command.env("AGENTGUARD_SOCKET", daemon.socket());
            command.arg("run").args(options).args(["guarded", "--"]);
            command.arg(stage.program()).arg("probe").args(technique);
            command
        }
    };
    let mut command = passing(command, socket.as_raw_fd());
    if options.is_some_and(<[_]>::is_empty) {
        let output = output(&mut command, LIMIT)?;
        let reading = Reading::parse(&String::from_utf8_lossy(&output.stdout))?;
        let closed = reading.first_error() == Some(("fcntl", "EBADF"));
        ensure!(closed, "descriptor 9 is not closed: {}", reading.summary());
        return Ok(());
    }
    let probe = Interactive::start(command)?;
    let taken = pull(&stage.world, FORBIDDEN4, at)?;
    ensure!(
        taken.as_deref() == Some(b"secret"),
        "the peer gets {taken:?}"
    );
    worked(&probe.finish()?)
}

/// A ring executes what it is given with what it had when it was made.
fn inherited_ring(stage: &Stage, as_agent: bool) -> Outcome {
    let ring = IoUring::new(8)?;
    let technique = ["inherited-ring", "9"];
    let command = if as_agent {
        stage.tagged(stage.daemon()?, "guarded", &technique)
    } else {
        stage.untagged(&technique)
    };
    let mut command = passing(command, ring.as_raw_fd());
    let output = output(&mut command, LIMIT)?;
    let reading = Reading::parse(&String::from_utf8_lossy(&output.stdout))?;
    if !as_agent {
        return worked(&reading);
    }
    let closed = reading.first_error() == Some(("fcntl", "EBADF"));
    ensure!(closed, "the ring is not closed: {}", reading.summary());
    Ok(())
}

fn socket_as_input(stage: &Stage) -> Outcome {
    let socket = listener(stage)?;
    let mut command = stage.tagged(stage.daemon()?, "guarded", &["exit", "0"]);
    let mut child = Running::start(command.stdin(Stdio::from(socket)).stderr(Stdio::null()))?;
    let status = child.wait(LIMIT)?;
    ensure!(status.code() == Some(125), "it ends with {status}");
    Ok(())
}
