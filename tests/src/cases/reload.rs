//! A reload counts at once, for what is open as well, or not at all.

use std::{net::SocketAddr, thread, time::Duration};

use nix::sys::signal::Signal;

use super::{
    story::{
        FORBIDDEN, allowing, eventually, has, is_confined, is_emulated, on, only, peer, processors,
        refused as is_refused, worked,
    },
    table::scenario,
};
use crate::{
    daemon::{Daemon, Moment, message},
    ensure,
    error::Outcome,
    harness::{Group, Interactive, Stage},
    sys,
    world::addresses::{FORBIDDEN4, NEAR4, OTHER4},
};

pub(super) const GROUP: Group = Group {
    name: "reload",
    // Most of the stories share a daemon: verifying its programs takes an emulated machine longer than the
    // story.
    scopes: &[(AGENT, NOWHERE)],
    layout: None,
    internet: false,
    cases: &[
        scenario("loosened-scope-opens", loosened),
        scenario("tightened-scope-closes", tightened),
        scenario("tightened-scope-stops-open-tcp", stops_tcp),
        scenario(
            "tightened-scope-stops-tcp-from-listen-port",
            stops_bound_tcp,
        ),
        scenario("tightened-scope-stops-open-answers", stops_answers),
        scenario("tightened-scope-stops-open-udp", stops_udp),
        scenario("scope-with-an-error-changes-nothing", with_error),
        scenario("sighup", sighup),
        scenario("sighup-as-soon-as-it-enforces", sighup_at_once),
        scenario("sighup-with-an-error", sighup_with_error),
        scenario("added-agent", added),
        scenario("under-traffic", under_traffic),
        scenario("removed-agent-keeps-its-last-scope", removed),
    ],
};

pub(super) const AGENT: &str = "moving";
/// What it may do before a story begins.
pub(super) const NOWHERE: &str = "[agent]\nname = \"moving\"\n";
/// A destination that the stories open and close.
pub(super) const TO: &str = "10.77.0.4:7001";

pub(super) fn open() -> String {
    allowing(AGENT, &[TO, "udp://10.77.0.4:7001"])
}

pub(super) fn closed() -> String {
    allowing(AGENT, &["10.77.0.2:7001"])
}

/// As an operator does it.
fn change(daemon: &Daemon, scope: &str) -> Outcome {
    daemon.write_scope(AGENT, scope)?;
    let output = daemon.cli(&["reload"])?;
    ensure!(
        output.status.success(),
        "reload ends with {}: {}",
        output.status,
        message(&output)
    );
    Ok(())
}

/// The shared daemon, at a moment at which the agent has this scope and nothing else happens.
fn begin<'a>(stage: &'a Stage, scope: &str) -> Outcome<(&'a Daemon, Moment)> {
    let daemon = stage.daemon()?;
    stage.world.settle()?;
    change(daemon, scope)?;
    Ok((daemon, daemon.moment(AGENT)?))
}

fn loosened(stage: &Stage) -> Outcome {
    let (daemon, _) = begin(stage, &closed())?;
    is_refused(&stage.try_tagged(daemon, AGENT, &["tcp", TO])?, "connect")?;
    let waiting = stage.begin_tagged(daemon, AGENT, &["wait", TO])?;
    change(daemon, &open())?;
    worked(&stage.try_tagged(daemon, AGENT, &["tcp", TO])?)?;
    worked(&waiting.finish()?)
}

fn tightened(stage: &Stage) -> Outcome {
    let (daemon, _) = begin(stage, &open())?;
    worked(&stage.try_tagged(daemon, AGENT, &["tcp", TO])?)?;
    let waiting = stage.begin_tagged(daemon, AGENT, &["wait", TO])?;
    change(daemon, &closed())?;
    let moment = daemon.moment(AGENT)?;
    is_refused(&waiting.finish()?, "sendto")?;
    has(
        only(&daemon.since(&moment)?)?,
        &[("agent", AGENT), ("destination", TO)],
    )
}

/// A socket that is open when its destination is closed: not one packet more.
fn stops(stage: &Stage, daemon: &Daemon, technique: &str) -> Outcome<Interactive> {
    let probe = stage.begin_tagged(daemon, AGENT, &[technique, TO])?;
    is_stopped(stage, daemon, &closed())?;
    Ok(probe)
}

/// Packets arrive until the scope is tightened, and not one more.
fn is_stopped(stage: &Stage, daemon: &Daemon, tightened: &str) -> Outcome {
    let begun = stage.world.arrivals(OTHER4);
    eventually("packets arrive while the destination is open", || {
        Ok(stage.world.arrivals(OTHER4) > begun + 5)
    })?;
    change(daemon, tightened)?;
    stage.world.mark()?;
    let stopped = stage.world.arrivals(OTHER4);
    thread::sleep(Duration::from_millis(700));
    stage.world.mark()?;
    let more = stage.world.arrivals(OTHER4) - stopped;
    ensure!(more == 0, "{more} packets arrive after the reload");
    Ok(())
}

fn stops_tcp(stage: &Stage) -> Outcome {
    // The connection outlives its process and goes on trying, so no other story may share the daemon.
    let daemon = stage.start(&[(AGENT, &open())])?;
    drop(stops(stage, &daemon, "tcp-hold")?);
    let happened = daemon.since(&daemon.moment(AGENT)?.rewound())?;
    // Retransmissions are counted and not recorded again.
    has(
        only(&happened)?,
        &[
            ("operation", "packet"),
            ("destination", TO),
            ("protocol", "tcp"),
        ],
    )
}

/// The agent may listen on the ports that it connects from: its packets are no answers all the same. The
/// second connection is to a destination that its processor knows already.
fn stops_bound_tcp(stage: &Stage) -> Outcome {
    let listening = |scope: String| format!("{scope}listen = [\"10.77.0.1:8300-8301\"]\n");
    // As above.
    let daemon = stage.start(&[(AGENT, &listening(open()))])?;
    let technique = ["tcp-hold-bound", TO, "10.77.0.1:8300", "10.77.0.1:8301"];
    let processor = processors()?.first().copied().unwrap_or_default();
    let command = on(processor, stage.tagged(&daemon, AGENT, &technique))?;
    let probe = Interactive::start(command)?;
    is_stopped(stage, &daemon, &listening(closed()))?;
    drop(probe);
    let happened = daemon.since(&daemon.moment(AGENT)?.rewound())?;
    ensure!(
        happened.violations.len() == 2,
        "not one record a connection: {:?}",
        happened.violations
    );
    for record in &happened.violations {
        has(record, &[("operation", "packet"), ("destination", TO)])?;
    }
    Ok(())
}

/// What the agent's server sends to a peer, once it may not listen there any more.
fn stops_answers(stage: &Stage) -> Outcome {
    let listening = format!("{NOWHERE}\n[network]\nlisten = [\"10.77.0.1:8302\"]\n");
    let daemon = stage.start(&[(AGENT, &listening)])?;
    let probe = stage.begin_tagged(&daemon, AGENT, &["listen-hold", "10.77.0.1:8302"])?;
    let socket = stage.world.far.run(|| {
        let socket = peer(SocketAddr::new(OTHER4, 0))?;
        sys::connect(&socket, &SocketAddr::new(NEAR4, 8302).into())?;
        Ok(socket)
    })?;
    is_stopped(stage, &daemon, NOWHERE)?;
    drop((probe, socket));
    let happened = daemon.since(&daemon.moment(AGENT)?.rewound())?;
    has(
        only(&happened)?,
        &[("operation", "packet"), ("dst_ip", &OTHER4.to_string())],
    )
}

fn stops_udp(stage: &Stage) -> Outcome {
    let (daemon, moment) = begin(stage, &open())?;
    let probe = stops(stage, daemon, "udp-hold")?;
    let reading = probe.finish()?;
    ensure!(
        reading.number("refused")? > 5,
        "the writes were not refused: {:?}",
        reading.facts
    );
    ensure!(
        reading.facts.get("last-error") == Some(&"EPERM".into()),
        "the writer sees {:?}",
        reading.facts
    );
    let happened = daemon.since(&moment)?;
    ensure!(
        happened.counters.refused == reading.number("refused")?,
        "the kernel counted {:?}: {:?}",
        happened.counters,
        reading.facts
    );
    let Some(record) = happened.violations.first() else {
        return crate::error::failed("there is no record");
    };
    has(
        record,
        &[
            ("operation", "packet"),
            ("destination", TO),
            ("protocol", "udp"),
        ],
    )
}

fn with_error(stage: &Stage) -> Outcome {
    let (daemon, _) = begin(stage, &open())?;
    // A second agent's file is right and must not count either.
    daemon.write_scope("newcomer", &allowing("newcomer", &[TO]))?;
    daemon.write_scope(
        AGENT,
        "[agent]\nname = \"moving\"\n\n[network]\nalow = []\n",
    )?;
    let output = daemon.cli(&["reload"])?;
    let said = message(&output);
    ensure!(
        output.status.code() == Some(3),
        "reload ends with {}: {said}",
        output.status
    );
    ensure!(
        said.contains("moving.toml:5:1"),
        "no file, line and column: {said}"
    );
    ensure!(said.contains("allow"), "no suggestion: {said}");
    worked(&stage.try_tagged(daemon, AGENT, &["tcp", TO])?)?;
    is_confined(stage, daemon, AGENT)?;
    ensure!(
        daemon.status()?.agent("newcomer").is_none(),
        "the newcomer is there"
    );
    daemon.remove_scope("newcomer")
}

fn sighup(stage: &Stage) -> Outcome {
    let (daemon, _) = begin(stage, &closed())?;
    daemon.write_scope(AGENT, &open())?;
    daemon.signal(Signal::SIGHUP)?;
    eventually("the new scope counts", || {
        let reading = stage.try_tagged(daemon, AGENT, &["tcp", TO])?;
        Ok(reading.first_error().is_none())
    })
}

/// A manager may reload as soon as the daemon says that it is ready.
fn sighup_at_once(stage: &Stage) -> Outcome {
    for _ in 0..4 {
        let daemon = stage.start(&[(AGENT, &closed())])?;
        daemon.signal(Signal::SIGHUP)?;
        thread::sleep(Duration::from_millis(50));
        is_confined(stage, &daemon, AGENT)?;
    }
    Ok(())
}

fn sighup_with_error(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &open())])?;
    daemon.write_scope(AGENT, "[agent\n")?;
    daemon.signal(Signal::SIGHUP)?;
    eventually("the log tells of the failure", || {
        let log = std::fs::read_to_string(daemon.log()).unwrap_or_default();
        Ok(log.lines().any(|line| line.contains("\"reload-failed\"")))
    })?;
    worked(&stage.try_tagged(&daemon, AGENT, &["tcp", TO])?)?;
    is_confined(stage, &daemon, AGENT)
}

fn added(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[])?;
    change(&daemon, &open())?;
    worked(&stage.try_tagged(&daemon, AGENT, &["tcp", TO])?)?;
    is_confined(stage, &daemon, AGENT)
}

fn removed(stage: &Stage) -> Outcome {
    let (daemon, _) = begin(stage, &open())?;
    let refused = stage.begin_tagged(daemon, AGENT, &["wait", FORBIDDEN])?;
    let allowed = stage.begin_tagged(daemon, AGENT, &["wait", TO])?;
    daemon.remove_scope(AGENT)?;
    daemon.reload()?;
    let moment = daemon.moment(AGENT)?;
    is_refused(&refused.finish()?, "sendto")?;
    has(
        only(&daemon.since(&moment)?)?,
        &[("agent", AGENT), ("destination", FORBIDDEN)],
    )?;
    worked(&allowed.finish()?)?;
    let output = daemon.cli(&["run", AGENT, "--", "/nowhere"])?;
    ensure!(
        output.status.code() == Some(125),
        "it still runs: {output:?}"
    );
    Ok(())
}

/// Two scopes alternate, neither allows the destination: nothing passes in between.
fn under_traffic(stage: &Stage) -> Outcome {
    let (daemon, moment) = begin(stage, &closed())?;
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    // Without longer pauses the threads leave the daemon of an emulated machine no time to reload in.
    let pause = if is_emulated() { "100" } else { "2" };
    let probe = stage.begin_tagged(daemon, AGENT, &["hammer", FORBIDDEN, "8", pause])?;
    for round in 0..200 {
        daemon.write_scope(AGENT, &if round % 2 == 0 { open() } else { closed() })?;
        daemon.reload()?;
    }
    let reading = probe.finish()?;
    stage.world.settle()?;
    let arrived = stage.world.arrivals(FORBIDDEN4) - before;
    ensure!(
        arrived == 0,
        "{arrived} packets arrive: {:?}",
        reading.facts
    );
    ensure!(
        reading.number("passed")? == 0,
        "some passed: {:?}",
        reading.facts
    );
    ensure!(
        reading.number("other")? == 0,
        "other errors: {:?}",
        reading.facts
    );
    let refused = reading.number("refused")?;
    ensure!(
        refused > 200,
        "there was hardly any traffic: {:?}",
        reading.facts
    );
    let happened = daemon.since(&moment)?;
    ensure!(
        happened.counters.refused == refused,
        "{refused} refused: {:?}",
        happened.counters
    );
    ensure!(
        happened.counters.recorded + happened.counters.lost == refused,
        "{refused} refused: {:?}",
        happened.counters
    );
    Ok(())
}
