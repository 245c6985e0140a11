//! D08: a daemon that is stopped, or killed, and starts again.

use std::{thread, time::Duration};

use nix::sys::signal::Signal;

use super::steps::{PORT, SERVER, allowing, connect, connect_to, learned};
use crate::{
    cases::{
        story::{refused, worked},
        table::scenario,
    },
    daemon::Daemon,
    ensure,
    error::Outcome,
    harness::{Group, Stage},
};

const AGENT: &str = "steady";
const API: &str = "198.51.100.10:7001";

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-restart",
    scopes: &[],
    layout: None,
    internet: true,
    cases: &[
        scenario("D08-killed-and-restarted", |stage| again(stage, killed)),
        scenario("D08-stopped-and-restarted", |stage| {
            again(stage, Daemon::stop)
        }),
        scenario("D08-while-the-daemon-stands-still", frozen),
        scenario("upstream-that-falls-silent", silent),
    ],
};

fn scope() -> String {
    allowing(AGENT, &["\"*.agents.example:7001\""])
}

/// A connection goes on, what was learned counts, and what was not is asked for.
fn again(stage: &Stage, end: fn(&mut Daemon) -> Outcome) -> Outcome {
    let mut daemon = stage.start(&[(AGENT, &scope())])?;
    let technique = ["name-tcp-hold", SERVER, "api.agents.example", PORT];
    let held = stage.begin_tagged(&daemon, AGENT, &technique)?;
    let late = ["name-tcp-late", SERVER, "api.agents.example", PORT];
    let late = stage.begin_tagged(&daemon, AGENT, &late)?;
    end(&mut daemon)?;
    daemon.restart()?;
    ensure!(
        learned(&daemon, AGENT)?.contains(&"api.agents.example".to_owned()),
        "what was learned is forgotten"
    );
    worked(&late.finish()?)?;
    let held = held.finish()?;
    ensure!(
        held.number("refused")? == 0 && held.number("passed")? > 0,
        "the connection does not go on: {held:?}"
    );
    worked(&connect_to(stage, &daemon, AGENT, API)?)?;
    worked(&connect(stage, &daemon, AGENT, "other.agents.example")?)
}

/// It keeps what was learned a moment later.
fn killed(daemon: &mut Daemon) -> Outcome {
    thread::sleep(Duration::from_millis(500));
    daemon.kill()
}

/// Without an answer nothing new opens and nothing leaves; what was learned goes on.
fn frozen(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &scope())])?;
    let late = ["name-tcp-late", SERVER, "api.agents.example", PORT];
    let late = stage.begin_tagged(&daemon, AGENT, &late)?;
    let mut session = stage.begin_tagged(&daemon, AGENT, &["wait", "198.51.100.53:53"])?;
    daemon.signal(Signal::SIGSTOP)?;
    let late = late.finish();
    stage.world.settle()?;
    let before = stage.internet()?.says(&stage.world, "ping")?;
    // Its datagram is for the name server.
    let input = session.process().0.stdin.take();
    drop(input);
    let reading = session.report()?;
    stage.world.settle()?;
    let after = stage.internet()?.says(&stage.world, "ping")?;
    daemon.signal(Signal::SIGCONT)?;
    worked(&late?)?;
    ensure!(after == before, "it leaves: {}", reading.summary());
    worked(&connect(stage, &daemon, AGENT, "other.agents.example")?)
}

/// What is known counts; what is not is answered with a failure, not with silence.
fn silent(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &scope())])?;
    worked(&connect(stage, &daemon, AGENT, "api.agents.example")?)?;
    let names = &stage.internet()?.names;
    names.fall_silent(true);
    let known = connect(stage, &daemon, AGENT, "api.agents.example");
    let unknown = connect(stage, &daemon, AGENT, "other.agents.example");
    names.fall_silent(false);
    worked(&known?)?;
    let unknown = unknown?;
    ensure!(
        unknown.first_error() == Some(("resolve", "SERVFAIL")),
        "{}",
        unknown.summary()
    );
    refused(
        &connect_to(stage, &daemon, AGENT, "198.51.100.20:7001")?,
        "connect",
    )?;
    worked(&connect(stage, &daemon, AGENT, "other.agents.example")?)
}
