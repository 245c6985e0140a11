//! Many agents with many rules.

use std::{
    fmt::Write as _,
    io,
    time::{Duration, Instant},
};

use super::{
    story::{is_confined, is_emulated, worked},
    table::scenario,
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::process,
};

pub(super) const GROUP: Group = Group {
    name: "scale",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("1000-agents", |stage| loads(stage, 1000, 1)),
        scenario("256-rules", |stage| loads(stage, 1, 256)),
        scenario("1000-agents-with-256-rules", |stage| {
            loads(stage, 1000, 256)
        }),
    ],
};

/// The limit on real hardware. An emulated machine tells nothing about time.
const LIMIT: Duration = Duration::from_secs(2);

/// A scope whose last rule is the one that matters, after many prefixes that differ by agent.
fn scope(agent: usize, rules: usize) -> Outcome<String> {
    let mut text = format!("[agent]\nname = \"agent-{agent}\"\n[network]\nallow = [\n");
    for rule in 1..rules {
        let (second, third) = (16 + agent % 200, rule % 256);
        writeln!(
            text,
            "  \"10.{second}.{third}.0/{}:{}\",",
            24 + rule % 2,
            1000 + rule
        )
        .map_err(io::Error::other)?;
    }
    text.push_str("  \"10.77.0.2:7001\",\n]\n");
    Ok(text)
}

fn loads(stage: &Stage, agents: usize, rules: usize) -> Outcome {
    let names: Vec<_> = (0..agents).map(|agent| format!("agent-{agent}")).collect();
    let texts = (0..agents)
        .map(|agent| scope(agent, rules))
        .collect::<Outcome<Vec<_>>>()?;
    let scopes: Vec<_> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let daemon = stage.start(&scopes)?;
    // On a machine that is busy with something else the clock tells about that.
    let used = process::processor_time(daemon.pid())?;
    let took = if process::is_busy() {
        used
    } else {
        daemon.took()
    };
    ensure!(
        is_emulated() || took < LIMIT,
        "the daemon needs {took:?} to enforce"
    );
    let begun = Instant::now();
    daemon.write_scope(
        "agent-0",
        &scope(1_000_000, rules)?.replace("agent-1000000", "agent-0"),
    )?;
    daemon.reload()?;
    let more = process::processor_time(daemon.pid())?.saturating_sub(used);
    let took = if process::is_busy() {
        more
    } else {
        begun.elapsed()
    };
    ensure!(is_emulated() || took < LIMIT, "a reload needs {took:?}");
    for name in [&names[0], &names[agents - 1]] {
        worked(&stage.try_tagged(&daemon, name, &["tcp", "10.77.0.2:7001"])?)?;
        is_confined(stage, &daemon, name)?;
    }
    Ok(())
}
