//! D-Bus, which only `agentguard run` needs.

use std::time::Duration;

use super::{
    around::{BOTH, is_confined, scope},
    runs::{self, timed},
};
use crate::{
    cases::{
        story::{FORBIDDEN, refused},
        table::scenario,
    },
    daemon::{COMMAND_LIMIT, message},
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::process,
    systemd::{Service, Unit, property, systemctl},
};

const DECLARED: &str = "bot";
/// The daemon gives up sooner than the time of a request to it.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) const GROUP: Group = Group {
    name: "bus",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("the-bus-goes-and-comes-back", gone),
        scenario("a-bus-that-does-not-answer", silent),
    ],
};

/// Stops the bus, and starts it again when it is dropped.
pub(super) struct NoBus(());

impl NoBus {
    pub(super) fn begin() -> Outcome<Self> {
        let nobus = Self(());
        systemctl(&["stop", "dbus.socket", "dbus.service"])?;
        Ok(nobus)
    }
}

impl Drop for NoBus {
    fn drop(&mut self) {
        if let Err(error) = systemctl(&["start", "dbus.socket"]) {
            eprintln!("{error}");
        }
    }
}

/// `agentguard run` fails with a message that says why, in little time; the command is not started.
fn cannot_run(stage: &Stage, why: &str) -> Outcome {
    let mut command = runs::run(stage, &["echo", "started"]);
    let (output, took) = timed(|| process::output(&mut command, COMMAND_LIMIT))?;
    let said = message(&output);
    ensure!(
        output.status.code() == Some(125) && output.stdout.is_empty() && said.contains(why),
        "without a bus `run` ends with {}: {said}",
        output.status
    );
    ensure!(took < PATIENCE, "it takes {took:?} to say: {said}");
    Ok(())
}

fn service() -> Outcome<Service> {
    let service = runs::service()?;
    let runner = scope("runner", &[]).replace("units = []", "");
    let declared = scope(DECLARED, &["bot.service"]);
    service.declare(&[("runner", &runner), (DECLARED, &declared)])?;
    service.reload()?;
    Ok(service)
}

fn can_run(stage: &Stage) -> Outcome {
    let mut command = runs::technique(stage, &["tcp", FORBIDDEN]);
    refused(&runs::reading(&mut command)?, "connect")
}

fn gone(stage: &Stage) -> Outcome {
    let service = service()?;
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let pid = service.property("MainPID")?;
    let bus = NoBus::begin()?;
    cannot_run(stage, "cannot reach systemd on the system bus")?;
    let path = "/system.slice/bot.service";
    is_confined(stage, &service, &unit, DECLARED, path)?;
    drop(bus);
    can_run(stage)?;
    ensure!(
        service.property("MainPID")? == pid,
        "the daemon did not outlive the bus"
    );
    Ok(())
}

/// A stopped process, which goes on when this is dropped.
struct Frozen(String);

impl Frozen {
    fn new(unit: &str) -> Outcome<Self> {
        systemctl(&["kill", "--signal=STOP", unit])?;
        Ok(Self(unit.to_owned()))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(error) = systemctl(&["kill", "--signal=CONT", &self.0]) {
            eprintln!("{error}");
        }
    }
}

fn silent(stage: &Stage) -> Outcome {
    service()?;
    can_run(stage)?;
    ensure!(
        property("dbus.service", "ActiveState")? == "active",
        "there is no bus"
    );
    let frozen = Frozen::new("dbus.service")?;
    cannot_run(stage, "does not answer on the system bus")?;
    drop(frozen);
    can_run(stage)
}
