//! N32: the address is changed while the kernel reads it.

use super::{scopes::GUARDED, table::paired};
use crate::{
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    world::addresses::{ALLOWED4, FORBIDDEN4, PORT},
};
use std::net::SocketAddr;

const GOOD: &str = "10.77.0.2:7001";
const BAD: &str = "10.77.0.3:7001";
const TRIES: &str = "100000";

pub(super) const GROUP: Group = Group {
    name: "race",
    scopes: &[GUARDED],
    cases: &[
        paired(
            "N32-sendto",
            |stage| control(stage, "race-sendto"),
            |stage| agent(stage, "race-sendto"),
        ),
        paired(
            "N32-connect",
            |stage| control(stage, "race-connect"),
            |stage| agent(stage, "race-connect"),
        ),
    ],
};

/// Untagged, both addresses are reached: the race is one.
fn control(stage: &Stage, technique: &str) -> Outcome {
    let world = &stage.world;
    world.settle()?;
    let before = (world.arrivals(ALLOWED4), world.arrivals(FORBIDDEN4));
    stage.try_untagged(&[technique, GOOD, BAD, "5000"])?;
    world.settle()?;
    ensure!(
        world.arrivals(ALLOWED4) > before.0,
        "untagged, the first address is never reached"
    );
    ensure!(
        world.arrivals(FORBIDDEN4) > before.1,
        "untagged, the second address is never reached"
    );
    Ok(())
}

fn agent(stage: &Stage, technique: &str) -> Outcome {
    let (world, daemon) = (&stage.world, stage.daemon()?);
    world.settle()?;
    let moment = daemon.moment("guarded")?;
    let good = SocketAddr::new(ALLOWED4, PORT);
    let before = (world.arrivals_at(good), world.arrivals(FORBIDDEN4));
    let reading = stage.try_tagged(daemon, "guarded", &[technique, GOOD, BAD, TRIES])?;
    world.settle()?;
    let (passed, refused) = (reading.number("passed")?, reading.number("refused")?);
    ensure!(
        passed > 0 && refused > 0,
        "there was no race: {:?}",
        reading.facts
    );
    ensure!(
        reading.number("other")? == 0,
        "other errors: {:?}",
        reading.facts
    );
    let arrived = world.arrivals(FORBIDDEN4) - before.1;
    ensure!(
        arrived == 0,
        "{arrived} packets arrive at the forbidden address"
    );
    let allowed = world.arrivals_at(good) - before.0;
    ensure!(allowed == passed, "{passed} were sent and {allowed} arrive");
    let counters = daemon.since(&moment)?.counters;
    ensure!(
        counters.refused == refused,
        "{refused} were refused: {counters:?}"
    );
    Ok(())
}
