//! Many names, many addresses, and more of them than there is room for.

use super::steps::{SERVER, allowing, connect_to};
use crate::{
    cases::{
        story::{is_emulated, worked},
        table::scenario,
    },
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    probe::Reading,
};

const AGENT: &str = "crowd";
const NAME: &str = "n$n.numbered.agents.example";

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-crowd",
    scopes: &[],
    layout: None,
    internet: true,
    cases: &[
        scenario("D08-10000-addresses", addresses),
        scenario("refused-names-without-end", refused),
    ],
};

/// Each question has this answer.
fn all_are(reading: &Reading, code: &str, count: u64) -> Outcome {
    ensure!(
        reading.number(code)? == count && reading.facts.len() == 1,
        "not all of {count} are {code}: {:?}",
        reading.facts
    );
    Ok(())
}

/// As many addresses are learned, the first of them is still there, and all of them are after a reload.
fn addresses(stage: &Stage) -> Outcome {
    let count: u32 = if is_emulated() { 1000 } else { 10_000 };
    let scope = allowing(AGENT, &["\"*.agents.example:7001\""]);
    let daemon = stage.start(&[(AGENT, &scope)])?;
    let words = ["dns-many", "udp", SERVER, NAME, &count.to_string()];
    let reading = stage.try_tagged(&daemon, AGENT, &words)?;
    all_are(&reading, "NOERROR", u64::from(count))?;
    let last = u128::from(count - 1);
    let address = |number: u128| {
        let address = crate::internet::NUMBERED.to_bits() + number;
        format!("[{}]:7001", std::net::Ipv6Addr::from_bits(address))
    };
    for number in [0, 1, last / 2, last] {
        worked(&connect_to(stage, &daemon, AGENT, &address(number))?)?;
    }
    let beyond = connect_to(stage, &daemon, AGENT, &address(last + 1))?;
    crate::cases::story::refused(&beyond, "connect")?;
    daemon.reload()?;
    for number in [0, 1, last / 2, last] {
        worked(&connect_to(stage, &daemon, AGENT, &address(number))?)?;
    }
    Ok(())
}

/// Each is refused and counted, none is asked for, and what is permitted goes on working.
fn refused(stage: &Stage) -> Outcome {
    let count: u32 = if is_emulated() { 500 } else { 5000 };
    let scope = allowing(AGENT, &["\"api.agents.example:7001\""]);
    let daemon = stage.start(&[(AGENT, &scope)])?;
    let names = &stage.internet()?.names;
    let (moment, before) = (daemon.moment(AGENT)?, names.questions());
    let words = ["dns-many", "udp", SERVER, NAME, &count.to_string()];
    let reading = stage.try_tagged(&daemon, AGENT, &words)?;
    all_are(&reading, "REFUSED", u64::from(count))?;
    ensure!(names.questions() == before, "some are asked for");
    let counters = daemon.since(&moment)?.counters;
    ensure!(
        counters.refused == u64::from(count),
        "{} of {count} are counted: {counters:?}",
        counters.refused
    );
    worked(&super::steps::connect(
        stage,
        &daemon,
        AGENT,
        "api.agents.example",
    )?)
}
