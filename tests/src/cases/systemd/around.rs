//! Steps that several stories share.

use crate::{
    cases::story::{FORBIDDEN, has, only, refused, worked},
    ensure,
    error::Outcome,
    harness::Stage,
    probe::Reading,
    systemd::{Service, Unit},
    world::addresses::{ALLOWED4, FORBIDDEN4},
};

/// The destination that every agent of these groups may reach.
pub(super) const ALLOWED: &str = "10.77.0.2:7001";
/// What a unit tries: what is refused to agents, then what is not.
pub(super) const BOTH: &[&[&str]] = &[&["tcp", FORBIDDEN], &["tcp", ALLOWED]];

/// A scope that declares units and allows [`ALLOWED`].
pub(super) fn scope(agent: &str, units: &[&str]) -> String {
    format!(
        "[agent]\nname = \"{agent}\"\n\n[match]\nunits = {units:?}\n\n\
         [network]\nallow = [\"{ALLOWED}\"]\n"
    )
}

/// Packets that have arrived where agents may not send, and where they may.
fn arrivals(stage: &Stage) -> Outcome<(u64, u64)> {
    stage.world.settle()?;
    Ok((
        stage.world.arrivals(FORBIDDEN4),
        stage.world.arrivals(ALLOWED4),
    ))
}

/// The unit tries [`BOTH`]: the first is refused with one record of this cgroup, and nothing arrives;
/// the second works. Answers the instance.
pub(super) fn is_confined(
    stage: &Stage,
    service: &Service,
    unit: &Unit,
    agent: &str,
    cgroup: &str,
) -> Outcome<String> {
    let (mark, before) = (service.mark(agent)?, arrivals(stage)?);
    let readings = unit.run()?;
    let after = arrivals(stage)?;
    let [first, second] = both(&readings)?;
    refused(first, "connect")?;
    worked(second)?;
    ensure!(after.0 == before.0, "{} packets arrive", after.0 - before.0);
    ensure!(after.1 > before.1, "nothing arrives where it may");
    let happened = service.since(&mark)?;
    let record = only(&happened)?;
    let fields = [
        ("agent", agent),
        ("verdict", "refused"),
        ("operation", "connect"),
        ("destination", FORBIDDEN),
        ("reason", "no-rule"),
        ("unit", unit.name()),
        ("cgroup", cgroup),
    ];
    has(record, &fields)?;
    let instance = record.text("instance");
    ensure!(!instance.is_empty(), "there is no instance: {}", record.0);
    Ok(instance.to_owned())
}

/// The unit tries [`BOTH`]: both work, and there is no record of anybody.
pub(super) fn is_untouched(stage: &Stage, service: &Service, unit: &Unit) -> Outcome {
    let (log, before) = (service.log_size(), arrivals(stage)?);
    let readings = unit.run()?;
    let after = arrivals(stage)?;
    for reading in both(&readings)? {
        worked(reading)?;
    }
    ensure!(
        after.0 > before.0 && after.1 > before.1,
        "nothing arrives: {before:?}, {after:?}"
    );
    let records = service.violations(log)?;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

fn both(readings: &[Reading]) -> Outcome<[&Reading; 2]> {
    match readings {
        [first, second] => Ok([first, second]),
        other => crate::error::failed(format!("{} reports instead of two", other.len())),
    }
}
