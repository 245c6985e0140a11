//! What runs already when the daemon starts, and what comes to be meanwhile.

use super::{
    around::{ALLOWED, BOTH, is_confined, scope},
    bus::NoBus,
    runs,
};
use crate::{
    cases::{
        story::{FORBIDDEN, eventually, only, refused},
        table::scenario,
    },
    ensure,
    error::Outcome,
    harness::{Group, Interactive, Stage},
    probe::Reading,
    sys::boot_ns,
    systemd::{Gate, Service, Unit},
};

const AGENT: &str = "bot";
/// How often a unit that was there before the daemon must try in vain.
const REFUSALS: u64 = 50;

pub(super) const GROUP: Group = Group {
    name: "start",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("a-unit-from-before", before),
        scenario("a-unit-that-starts-meanwhile", meanwhile),
        scenario("an-instance-from-before", instance),
        scenario("a-start-without-a-bus", no_bus),
    ],
};

/// Its processes, and those in the cgroups that it made, send all the time.
fn before(stage: &Stage) -> Outcome {
    let more = format!("Delegate=yes\n{}", Gate::line());
    let service = Service::stopped(&[(AGENT, &scope(AGENT, &["resident.service"]))])?;
    let gate = Gate::new()?;
    let unit = Unit::probing(
        stage,
        "resident.service",
        &[&["fork-loop", FORBIDDEN, "1"]],
        &more,
    )?;
    unit.begin()?;
    eventually("the unit sends", || Ok(unit.said().contains("ready")))?;
    let log = service.log_size();
    service.start()?;
    let enforced = boot_ns();
    eventually("the kernel has refused some", || {
        Ok(service.status()?.counters(AGENT)?.refused >= REFUSALS)
    })?;
    gate.open();
    let readings = unit.finish()?;
    ensure!(readings.len() == 1, "{} reports", readings.len());
    let (reading, facts) = (&readings[0], &readings[0].facts);
    ensure!(
        reading.number("passed")? > 0,
        "nothing passed before: {facts:?}"
    );
    ensure!(
        reading.number("refused")? >= REFUSALS && reading.number("other")? == 0,
        "too few refusals, or other errors: {facts:?}"
    );
    ensure!(
        reading.number("last-passed")? < enforced,
        "one passed after enforcement: {facts:?}"
    );
    let happened = service.since(&service.beginning(AGENT, log))?;
    ensure!(
        happened.counters.refused == reading.number("refused")?,
        "the kernel counted {:?}: {facts:?}",
        happened.counters
    );
    Ok(())
}

/// The same unit again and again: from some start on it is refused, at the latest when the daemon is
/// active, and it never passes after that.
fn meanwhile(stage: &Stage) -> Outcome {
    let service = Service::stopped(&[(AGENT, &scope(AGENT, &["busy.service"]))])?;
    let unit = Unit::probing(stage, "busy.service", &[&["tcp", FORBIDDEN]], "")?;
    let log = service.log_size();
    service.begin()?;
    let (mut passed, mut cut, mut refusals, mut afterwards) = (0_u64, 0_u64, 0_u64, 0);
    while afterwards < 3 {
        let active = service.property("ActiveState")? == "active";
        let readings = unit.run()?;
        let reading = readings.first().map(Reading::first_error);
        match reading {
            Some(None) => {
                ensure!(
                    !active && refusals == 0,
                    "one passes after {refusals} refusals, the daemon was active: {active}"
                );
                passed += 1;
            }
            Some(Some(("connect", "EPERM"))) => refusals += 1,
            // Connected before, and no packet gets through any more.
            Some(Some(("send" | "recv", _))) if !active && refusals == 0 => cut += 1,
            other => ensure!(false, "the probe says {other:?}"),
        }
        afterwards += u32::from(active);
    }
    ensure!(passed > 0, "nothing passed before the daemon enforced");
    let happened = service.since(&service.beginning(AGENT, log))?;
    // What was cut has records of its packets.
    let (refused, recorded) = (happened.counters.refused, happened.violations.len() as u64);
    ensure!(
        cut <= 1 && recorded <= refused && recorded >= refusals,
        "{refusals} refusals, {cut} cut: {happened:?}"
    );
    ensure!(
        cut == 1 || refused == refusals && recorded == refusals,
        "{refusals} refusals: {happened:?}"
    );
    Ok(())
}

/// An instance of `agentguard run` is free while there is no daemon, and held again by the next one.
fn instance(stage: &Stage) -> Outcome {
    let service = runs::service()?;
    let probe = Interactive::start(runs::technique(stage, &["wait", FORBIDDEN]))?;
    let free = Interactive::start(runs::technique(stage, &["wait", FORBIDDEN]))?;
    service.stop()?;
    let reading = free.finish()?;
    ensure!(
        reading.first_error().is_none(),
        "without a daemon the agent is refused: {}",
        reading.summary()
    );
    let log = service.log_size();
    service.start()?;
    refused(&probe.finish()?, "sendto")?;
    only(&service.since(&service.beginning("runner", log))?).map(drop)
}

/// Enforcement does not wait for D-Bus.
fn no_bus(stage: &Stage) -> Outcome {
    let unit = Unit::probing(stage, "early.service", BOTH, "")?;
    let declared = scope(AGENT, &["early.service"]);
    let runner = format!("[agent]\nname = \"runner\"\n\n[network]\nallow = [\"{ALLOWED}\"]\n");
    let service = Service::stopped(&[(AGENT, &declared), ("runner", &runner)])?;
    let bus = NoBus::begin()?;
    // Starting the unit must not bring the bus back, for this case to mean something.
    crate::systemd::systemctl(&["mask", "--runtime", "dbus.socket", "dbus.service"])?;
    let started = service.start();
    crate::systemd::systemctl(&["unmask", "--runtime", "dbus.socket", "dbus.service"])?;
    started?;
    let path = "/system.slice/early.service";
    is_confined(stage, &service, &unit, AGENT, path)?;
    drop(bus);
    let mut command = runs::technique(stage, &["tcp", FORBIDDEN]);
    refused(&runs::reading(&mut command)?, "connect")
}
