//! A reload with other names counts at once, for what is open as well, and forgets nothing that is still permitted.

use super::steps::{PORT, SERVER, allowing, connect, connect_to, learned};
use crate::{
    cases::{
        story::{eventually, refused, worked},
        table::scenario,
    },
    ensure,
    error::Outcome,
    harness::{Group, Stage},
};

const AGENT: &str = "moving";
const API: &str = "198.51.100.10:7001";
const PAPERS: &str = "198.51.100.30:7001";

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-reload",
    scopes: &[("moving", "[agent]\nname = \"moving\"\n")],
    layout: None,
    internet: true,
    cases: &[
        scenario("name-added", added),
        scenario("name-removed", removed),
        scenario("name-kept", kept),
        scenario("name-under-another-rule", moved),
        scenario("names-where-there-were-none", first),
        scenario("name-removed-while-connected", connected),
        scenario("scope-with-an-error", with_error),
    ],
};

/// The shared daemon, with a scope that allows these.
fn with(stage: &Stage, rules: &[&str]) -> Outcome {
    let daemon = stage.daemon()?;
    daemon.write_scope(AGENT, &allowing(AGENT, rules))?;
    daemon.reload()
}

fn added(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(stage, &["\"api.agents.example:7001\""])?;
    let reading = connect(stage, daemon, AGENT, "a.papers.example")?;
    ensure!(
        reading.first_error() == Some(("resolve", "REFUSED")),
        "{}",
        reading.summary()
    );
    with(
        stage,
        &["\"api.agents.example:7001\"", "\"*.papers.example:7001\""],
    )?;
    worked(&connect(stage, daemon, AGENT, "a.papers.example")?)
}

fn removed(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(
        stage,
        &["\"api.agents.example:7001\"", "\"*.papers.example:7001\""],
    )?;
    worked(&connect(stage, daemon, AGENT, "a.papers.example")?)?;
    with(stage, &["\"api.agents.example:7001\""])?;
    refused(&connect_to(stage, daemon, AGENT, PAPERS)?, "connect")?;
    let reading = connect(stage, daemon, AGENT, "a.papers.example")?;
    ensure!(
        reading.first_error() == Some(("resolve", "REFUSED")),
        "{}",
        reading.summary()
    );
    ensure!(
        !learned(daemon, AGENT)?.contains(&"a.papers.example".to_owned()),
        "it is still learned"
    );
    Ok(())
}

/// What was learned and is still permitted is not asked for again.
fn kept(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(stage, &["\"api.agents.example:7001\""])?;
    worked(&connect(stage, daemon, AGENT, "api.agents.example")?)?;
    for _ in 0..20 {
        with(
            stage,
            &["\"*.papers.example:7001\"", "\"api.agents.example:7001\""],
        )?;
        worked(&connect_to(stage, daemon, AGENT, API)?)?;
        with(stage, &["\"api.agents.example:7001\""])?;
        worked(&connect_to(stage, daemon, AGENT, API)?)?;
    }
    Ok(())
}

/// The rule that permits it has another number, and permits another port.
fn moved(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(stage, &["\"api.agents.example:7001\""])?;
    worked(&connect(stage, daemon, AGENT, "api.agents.example")?)?;
    with(
        stage,
        &[
            "\"10.77.0.4:7002\"",
            "\"a.papers.example:7001\"",
            "\"*.agents.example:7002\"",
        ],
    )?;
    refused(&connect_to(stage, daemon, AGENT, API)?, "connect")?;
    worked(&connect_to(stage, daemon, AGENT, "198.51.100.10:7002")?)
}

/// An agent that runs already is redirected from then on.
fn first(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(stage, &["\"udp://198.51.100.53:53\""])?;
    let technique = ["dns", "udp", SERVER, "www.elsewhere.example", "A"];
    let reading = stage.try_tagged(daemon, AGENT, &technique)?;
    ensure!(
        reading
            .facts
            .get("code")
            .and_then(serde_json::Value::as_str)
            == Some("NOERROR"),
        "{:?}",
        reading.facts
    );
    with(
        stage,
        &["\"udp://198.51.100.53:53\"", "\"api.agents.example:7001\""],
    )?;
    let reading = stage.try_tagged(daemon, AGENT, &technique)?;
    ensure!(
        reading
            .facts
            .get("code")
            .and_then(serde_json::Value::as_str)
            == Some("REFUSED"),
        "{:?}",
        reading.facts
    );
    worked(&connect(stage, daemon, AGENT, "api.agents.example")?)
}

fn connected(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(stage, &["\"api.agents.example:7001\""])?;
    let technique = ["name-tcp-hold", SERVER, "api.agents.example", PORT];
    let probe = stage.begin_tagged(daemon, AGENT, &technique)?;
    with(stage, &["\"*.papers.example:7001\""])?;
    let moment = daemon.moment(AGENT)?;
    stage.world.mark()?;
    let before = stage.world.arrivals(crate::internet::addresses::API);
    eventually("a packet is refused", || {
        Ok(daemon.status()?.counters(AGENT)?.refused > 0)
    })?;
    std::thread::sleep(std::time::Duration::from_millis(300));
    stage.world.mark()?;
    let after = stage.world.arrivals(crate::internet::addresses::API);
    ensure!(after == before, "{} packets arrive", after - before);
    probe.finish()?;
    drop(daemon.since(&moment)?);
    Ok(())
}

fn with_error(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    with(stage, &["\"api.agents.example:7001\""])?;
    worked(&connect(stage, daemon, AGENT, "api.agents.example")?)?;
    daemon.write_scope(AGENT, &allowing(AGENT, &["\"*.com:443\""]))?;
    ensure!(daemon.reload().is_err(), "a wildcard on com is accepted");
    worked(&connect_to(stage, daemon, AGENT, API)?)
}
