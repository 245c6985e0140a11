//! Steps that several stories share.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

pub(super) use crate::host::is_emulated;
use crate::{
    daemon::{Daemon, Happened, Record},
    ensure,
    error::{Error, Outcome, failed},
    harness::Stage,
    host::cgroup::Cgroup,
    probe::Reading,
    sys,
    world::{World, addresses::FORBIDDEN4},
};

/// The destination that no agent of the stories may reach.
pub(super) const FORBIDDEN: &str = "10.77.0.3:7001";
/// How long a peer waits for an answer. Shorter than the first retransmission.
const PEER_PATIENCE: Duration = Duration::from_millis(500);

/// How long a probe may take.
const PROBE_LIMIT: Duration = Duration::from_mins(1);
/// `TCPI_OPT_SYN_DATA` of linux/tcp.h: the peer has taken the data of the first packet.
const TCPI_OPT_SYN_DATA: u8 = 32;

/// The only record.
pub(super) fn only(happened: &Happened) -> Outcome<&Record> {
    match happened.violations.as_slice() {
        [record] => Ok(record),
        records => failed(format!(
            "{} records instead of one: {records:?}",
            records.len()
        )),
    }
}

/// Whether a record has these fields.
pub(super) fn has(record: &Record, fields: &[(&str, &str)]) -> Outcome {
    for (field, value) in fields {
        let seen = record.text(field);
        ensure!(
            seen == *value,
            "{field} is `{seen}` and not `{value}`: {}",
            record.0
        );
    }
    Ok(())
}

/// Whether every call of a technique succeeded.
pub(super) fn worked(reading: &Reading) -> Outcome {
    ensure!(
        reading.first_error().is_none(),
        "it does not work: {}",
        reading.summary()
    );
    Ok(())
}

/// Whether a technique was refused at this call.
pub(super) fn refused(reading: &Reading, call: &str) -> Outcome {
    ensure!(
        reading.first_error() == Some((call, "EPERM")),
        "{call} should be refused with EPERM: {}",
        reading.summary()
    );
    Ok(())
}

/// Something that an agent tries: no packet arrives at the forbidden destination, and the one record,
/// which this answers, has these fields.
pub(super) fn stopped(
    stage: &Stage,
    daemon: &Daemon,
    agent: &str,
    fields: &[(&str, &str)],
    attempt: impl FnOnce() -> Outcome,
) -> Outcome<Record> {
    stage.world.settle()?;
    let (moment, before) = (daemon.moment(agent)?, stage.world.arrivals(FORBIDDEN4));
    attempt()?;
    stage.world.settle()?;
    let arrived = stage.world.arrivals(FORBIDDEN4) - before;
    ensure!(arrived == 0, "{arrived} packets of {agent} arrive");
    let happened = daemon.since(&moment)?;
    let record = only(&happened)?;
    has(record, &[("agent", agent)])?;
    has(record, fields)?;
    Ok(record.clone())
}

/// An agent is refused the forbidden destination, with one record.
pub(super) fn is_confined(stage: &Stage, daemon: &Daemon, agent: &str) -> Outcome {
    let fields = [("operation", "send"), ("destination", FORBIDDEN)];
    stopped(stage, daemon, agent, &fields, || {
        let reading = stage.try_tagged(daemon, agent, &["udp", FORBIDDEN])?;
        refused(&reading, "sendto")
    })
    .map(drop)
}

/// Connects from an address of the far host, and answers what it is given; nothing if no
/// connection comes about or nothing is given.
pub(super) fn pull(world: &World, from: IpAddr, to: SocketAddr) -> Outcome<Option<Vec<u8>>> {
    pull_from(world, SocketAddr::new(from, 0), to)
}

/// Likewise, from this port.
pub(super) fn pull_from(
    world: &World,
    from: SocketAddr,
    to: SocketAddr,
) -> Outcome<Option<Vec<u8>>> {
    world.far.run(|| {
        let socket = peer(from)?;
        let mut answer = [0; 64];
        let taken =
            sys::connect(&socket, &to.into()).and_then(|()| sys::recv(&socket, &mut answer));
        given(taken, &answer)
    })
}

/// Likewise, with data in the first packet, which takes a cookie of the host that is connected to:
/// one of its services, `known`, has given it. Answers also whether the data arrived with that packet.
pub(super) fn pull_fast(
    world: &World,
    from: IpAddr,
    known: SocketAddr,
    to: SocketAddr,
) -> Outcome<(Option<Vec<u8>>, bool)> {
    world.far.run(|| {
        let mut answer = [0; 64];
        let mut ask = |to: SocketAddr| -> Outcome<_> {
            let socket = peer(SocketAddr::new(from, 0))?;
            let taken = sys::send_to(&socket, b"give", libc::MSG_FASTOPEN, Some(&to.into()))
                .and_then(|_| sys::recv(&socket, &mut answer));
            let taken = given(taken, &answer)?;
            let information: libc::tcp_info =
                sys::getsockopt(&socket, libc::IPPROTO_TCP, libc::TCP_INFO)?;
            Ok((taken, information.tcpi_options & TCPI_OPT_SYN_DATA != 0))
        };
        ask(known)?;
        ask(to)
    })
}

/// A socket of a peer.
pub(super) fn peer(from: SocketAddr) -> Outcome<OwnedFd> {
    let family = if from.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let socket = sys::socket(family, libc::SOCK_STREAM, 0)?;
    sys::bind(&socket, &from.into())?;
    sys::timeouts(&socket, PEER_PATIENCE)?;
    Ok(socket)
}

fn given(taken: io::Result<usize>, answer: &[u8]) -> Outcome<Option<Vec<u8>>> {
    match taken {
        Ok(len) if len > 0 => Ok(Some(answer[..len].to_vec())),
        Ok(_) => Ok(None),
        Err(error) if is_silence(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_silence(error: &io::Error) -> bool {
    let silent = [
        libc::EAGAIN,
        libc::EINPROGRESS,
        libc::ETIMEDOUT,
        libc::ECONNREFUSED,
    ];
    error
        .raw_os_error()
        .is_some_and(|number| silent.contains(&number) || number == libc::ECONNRESET)
}

/// A name of a cgroup that bears the name of this process.
pub(super) fn slice(suffix: &str) -> String {
    format!("/{}-{suffix}", crate::host::own_name())
}

/// A scope whose agent lives in a declared cgroup and may reach nothing.
pub(super) fn declared(agent: &str, cgroup: &str) -> String {
    format!("[agent]\nname = \"{agent}\"\n\n[match]\ncgroups = [\"{cgroup}\"]\n")
}

/// A scope that allows these destinations.
pub(super) fn allowing(agent: &str, destinations: &[&str]) -> String {
    format!("[agent]\nname = \"{agent}\"\n\n[network]\nallow = {destinations:?}\n")
}

/// A technique as an ordinary process in a cgroup.
pub(super) fn try_in(stage: &Stage, cgroup: &Cgroup, technique: &[&str]) -> Outcome<Reading> {
    let mut command = stage.untagged(technique);
    cgroup.place(&mut command)?;
    read(&crate::host::process::output(&mut command, PROBE_LIMIT)?)
}

/// The processors that this process may run on: what the programs remember, each of them remembers for
/// itself.
pub(super) fn processors() -> Outcome<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).map_err(io::Error::from)?;
    Ok((0..CpuSet::count())
        .filter(|processor| set.is_set(*processor).unwrap_or(false))
        .collect())
}

/// Makes the command stay on one processor.
pub(super) fn on(processor: usize, mut command: Command) -> Outcome<Command> {
    let mut set = CpuSet::new();
    set.set(processor).map_err(io::Error::from)?;
    // SAFETY: between fork and exec only sched_setaffinity is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || sched_setaffinity(Pid::from_raw(0), &set).map_err(Into::into));
    }
    Ok(command)
}

/// A technique as an agent, on one processor.
pub(super) fn try_on(
    stage: &Stage,
    processor: usize,
    daemon: &Daemon,
    agent: &str,
    technique: &[&str],
) -> Outcome<Reading> {
    let mut command = on(processor, stage.tagged(daemon, agent, technique))?;
    read(&crate::host::process::output(&mut command, PROBE_LIMIT)?)
}

fn read(output: &Output) -> Outcome<Reading> {
    ensure!(
        output.status.success(),
        "the probe ended with {}",
        output.status
    );
    Reading::parse(&String::from_utf8_lossy(&output.stdout))
}

/// The first of some programs that this machine has.
pub(super) fn installed(programs: &[&'static str]) -> Outcome<&'static Path> {
    let found = programs
        .iter()
        .copied()
        .map(Path::new)
        .find(|path| path.exists());
    found.ok_or_else(|| Error::Skipped(format!("this machine has no {}", programs.join(" or "))))
}

/// Tries until it holds.
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> Outcome<bool>) -> Outcome {
    let patience = if is_emulated() { 240 } else { 20 };
    let deadline = std::time::Instant::now() + Duration::from_secs(patience);
    while !holds()? {
        ensure!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
