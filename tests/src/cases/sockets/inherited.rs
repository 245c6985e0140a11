//! N24: a socket that somebody else has opened before it was the agent's.

use std::{
    net::SocketAddr,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
    time::Duration,
};

use super::super::{
    story::{FORBIDDEN, has, only, refused, worked},
    table::paired,
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Case, Stage},
    host::process::output,
    probe::Reading,
    sys,
    world::addresses::FORBIDDEN4,
};

pub(super) const CASES: &[Case] = &[paired("N24-kept-socket", socket_untagged, socket_kept)];

const LIMIT: Duration = Duration::from_mins(1);
/// The descriptor in the new process.
const AT: &str = "9";

fn passing(mut command: Command, fd: i32) -> Command {
    // SAFETY: between fork and exec only dup2 is called, which is async-signal-safe.
    unsafe { command.pre_exec(move || sys::check(libc::dup2(fd, 9)).map(drop)) };
    command
}

fn keeping(stage: &Stage, technique: &[&str]) -> Outcome<Command> {
    let daemon = stage.daemon()?;
    let mut command = stage.world.near.command(&daemon.settings().program);
    command.env("AGENTGUARD_SOCKET", daemon.socket());
    command.args(["run", "--keep-fd", AT, "clerk", "--"]);
    command.arg(stage.program()).arg("probe").args(technique);
    Ok(command)
}

fn read(mut command: Command) -> Outcome<Reading> {
    Reading::parse(&String::from_utf8_lossy(
        &output(&mut command, LIMIT)?.stdout,
    ))
}

/// A datagram socket that is connected to who may not be reached.
fn socket(stage: &Stage) -> Outcome<OwnedFd> {
    stage.world.near.run(|| {
        let to: SocketAddr = FORBIDDEN.parse().map_err(std::io::Error::other)?;
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        sys::connect(&socket, &to.into())?;
        Ok(socket)
    })
}

fn socket_untagged(stage: &Stage) -> Outcome {
    let socket = socket(stage)?;
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    let command = stage.untagged(&["inherited-socket", AT]);
    worked(&read(passing(command, socket.as_raw_fd()))?)?;
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) > before,
        "untagged, nothing arrives"
    );
    Ok(())
}

/// It was kept knowingly, and reaches all the same only who may be reached.
fn socket_kept(stage: &Stage) -> Outcome {
    let socket = socket(stage)?;
    let daemon = stage.daemon()?;
    stage.world.settle()?;
    let (moment, before) = (daemon.moment("clerk")?, stage.world.arrivals(FORBIDDEN4));
    let command = keeping(stage, &["inherited-socket", AT])?;
    refused(&read(passing(command, socket.as_raw_fd()))?, "send")?;
    stage.world.settle()?;
    let arrived = stage.world.arrivals(FORBIDDEN4) - before;
    ensure!(arrived == 0, "{arrived} packets arrive");
    let happened = daemon.since(&moment)?;
    has(
        only(&happened)?,
        &[
            ("operation", "packet"),
            ("reason", "no-rule"),
            ("destination", FORBIDDEN),
        ],
    )
}
