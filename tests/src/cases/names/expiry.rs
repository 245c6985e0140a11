//! D08: what happens when an answer's time is over.

use std::{thread, time::Duration};

use super::steps::{PORT, SERVER, allowing, connect, connect_to};
use crate::{
    cases::{
        story::{has, only, refused, worked},
        table::scenario,
    },
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    internet::addresses::API,
};

const AGENT: &str = "patient";
const BRIEF: &str = "brief.agents.example";
/// How long an answer of one second counts at least: docs/scope-reference.md says a minute, and half of one more.
const KEPT: Duration = Duration::from_secs(50);
/// By when it counts no more.
const OVER: Duration = Duration::from_secs(100);

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-expiry",
    scopes: &[],
    layout: None,
    internet: true,
    cases: &[
        scenario("D08-expiry", expiry),
        scenario("D08-names-that-move", moves),
    ],
};

/// An open connection goes on; a new one needs the name to be asked for again.
fn expiry(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &allowing(AGENT, &["\"*.agents.example:7001\""]))])?;
    let technique = ["name-tcp-hold", SERVER, BRIEF, PORT];
    let held = stage.begin_tagged(&daemon, AGENT, &technique)?;
    thread::sleep(KEPT);
    worked(&connect_to(stage, &daemon, AGENT, "198.51.100.10:7001")?)?;
    thread::sleep(OVER.saturating_sub(KEPT));
    let moment = daemon.moment(AGENT)?;
    stage.world.mark()?;
    let before = stage.world.arrivals(API);
    let reading = connect_to(stage, &daemon, AGENT, "198.51.100.10:7001")?;
    refused(&reading, "connect")?;
    has(
        only(&daemon.since(&moment)?)?,
        &[
            ("operation", "connect"),
            ("reason", "no-rule"),
            ("destination", "198.51.100.10:7001"),
        ],
    )?;
    // What is open still is.
    thread::sleep(Duration::from_millis(200));
    stage.world.mark()?;
    ensure!(stage.world.arrivals(API) > before, "the connection is cut");
    // Also beneath another version of the scope.
    daemon.write_scope(
        AGENT,
        &allowing(
            AGENT,
            &["\"a.papers.example:7001\"", "\"*.agents.example:7001\""],
        ),
    )?;
    daemon.reload()?;
    thread::sleep(Duration::from_millis(300));
    let held = held.finish()?;
    ensure!(
        held.number("refused")? == 0 && held.number("passed")? > 0,
        "the connection does not go on: {held:?}"
    );
    worked(&connect(stage, &daemon, AGENT, BRIEF)?)
}

/// The old address counts for as long as it was said; the new one as soon as it is.
fn moves(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &allowing(AGENT, &["\"*.agents.example:7001\""]))])?;
    let asked = |name: &str| connect(stage, &daemon, AGENT, name);
    // Each question is answered with another address: none is forgotten for the next one.
    let mut seen = Vec::new();
    for _ in 0..5 {
        let reading = asked("rotating.agents.example")?;
        worked(&reading)?;
        let address = reading
            .facts
            .get("address")
            .and_then(serde_json::Value::as_str);
        seen.push(address.unwrap_or_default().to_owned());
        thread::sleep(Duration::from_millis(1200));
    }
    let mut different = seen.clone();
    different.dedup();
    ensure!(different.len() > 1, "the name does not move: {seen:?}");
    for address in &seen {
        let to = format!("{address}:7001");
        worked(&connect_to(stage, &daemon, AGENT, &to)?)?;
    }
    Ok(())
}
