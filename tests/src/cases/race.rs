//! N32: the address is changed while the kernel reads it.

use super::{scopes::GUARDED, story::is_emulated, table::paired};
use crate::{
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    world::addresses::{ALLOWED4, FORBIDDEN4, PORT},
};
use std::net::SocketAddr;

const GOOD: &str = "10.77.0.2:7001";
const BAD: &str = "10.77.0.3:7001";
/// Half of the tries are refused and have a record each, which takes an emulated machine a hundred times
/// as long.
const TRIES: u64 = 100_000;
const EMULATED_TRIES: u64 = 10_000;

pub(super) const GROUP: Group = Group {
    name: "race",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
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
    let tries = if is_emulated() { EMULATED_TRIES } else { TRIES };
    let reading = stage.try_tagged(
        daemon,
        "guarded",
        &[technique, GOOD, BAD, &tries.to_string()],
    )?;
    world.settle()?;
    let (passed, refused) = (reading.number("passed")?, reading.number("refused")?);
    // The two are changed so often that neither is rare.
    ensure!(
        passed >= tries / 20 && refused >= tries / 20,
        "there was hardly a race: {:?}",
        reading.facts
    );
    ensure!(
        passed + refused >= tries,
        "not {tries} tries: {:?}",
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
