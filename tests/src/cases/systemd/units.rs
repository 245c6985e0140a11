//! Units that a scope declares, and units beside them.

use super::around::{BOTH, is_confined, is_untouched, scope};
use crate::{
    cases::{
        story::{FORBIDDEN, has, only, refused},
        table::scenario,
    },
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    systemd::{Service, Unit, systemctl},
};

const AGENT: &str = "bot";

pub(super) const GROUP: Group = Group {
    name: "units",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("a-declared-service-from-its-first-instruction", first),
        scenario("a-service-that-is-started-again", again),
        scenario("an-instance-of-a-template", template),
        scenario("names-that-begin-alike", alike),
        scenario("a-name-that-systemd-escapes", escaped),
        scenario("a-scope-unit", scope_unit),
        scenario("children-of-a-delegated-unit", delegated),
        scenario("a-namesake-in-a-delegated-cgroup", namesake),
        scenario(
            "a-service-that-is-declared-while-it-is-stopped",
            declared_later,
        ),
    ],
};

fn service(units: &[&str]) -> Outcome<Service> {
    Service::with(&[(AGENT, &scope(AGENT, units))])
}

/// Untagged, the same unit reaches both.
fn first(stage: &Stage) -> Outcome {
    let unit = Unit::probing(stage, "first.service", BOTH, "")?;
    let service = service(&["other.service"])?;
    is_untouched(stage, &service, &unit)?;
    service.declare(&[(AGENT, &scope(AGENT, &["first.service"]))])?;
    service.reload()?;
    is_confined(stage, &service, &unit, AGENT, "/system.slice/first.service").map(drop)
}

/// Each time it is another instance.
fn again(stage: &Stage) -> Outcome {
    let service = service(&["again.service"])?;
    let unit = Unit::probing(stage, "again.service", BOTH, "")?;
    let path = "/system.slice/again.service";
    let one = is_confined(stage, &service, &unit, AGENT, path)?;
    let other = is_confined(stage, &service, &unit, AGENT, path)?;
    ensure!(one != other, "both are the instance {one}");
    Ok(())
}

fn template(stage: &Stage) -> Outcome {
    let service = service(&["worker@one.service"])?;
    let one = Unit::probing(stage, "worker@.service", BOTH, "")?.instance("one");
    let path = "/system.slice/system-worker.slice/worker@one.service";
    is_confined(stage, &service, &one, AGENT, path)?;
    let two = Unit::probing(stage, "worker@.service", BOTH, "")?.instance("two");
    is_untouched(stage, &service, &two)
}

fn alike(stage: &Stage) -> Outcome {
    let service = service(&["alike.service"])?;
    for name in ["alike2.service", "alik.service", "alike.service.service"] {
        is_untouched(stage, &service, &Unit::probing(stage, name, BOTH, "")?)?;
    }
    Ok(())
}

/// The cgroup of `io.service` is `_io.service`.
fn escaped(stage: &Stage) -> Outcome {
    let service = service(&["io.service", "_io.service"])?;
    for (name, path) in [
        ("io.service", "/system.slice/_io.service"),
        ("_io.service", "/system.slice/__io.service"),
    ] {
        let unit = Unit::probing(stage, name, BOTH, "")?;
        is_confined(stage, &service, &unit, AGENT, path)?;
    }
    Ok(())
}

/// `systemd-run --scope` makes the cgroup, moves itself there and becomes the command.
fn scope_unit(stage: &Stage) -> Outcome {
    let service = service(&["job.scope"])?;
    let mark = service.mark(AGENT)?;
    let mut command = stage.world.near.command("systemd-run");
    command.args(["--scope", "--quiet", "--unit=job", "--"]);
    command
        .arg(stage.program())
        .args(["probe", "tcp", FORBIDDEN]);
    let output = crate::host::process::output(&mut command, crate::daemon::COMMAND_LIMIT)?;
    let reading = crate::probe::Reading::parse(&String::from_utf8_lossy(&output.stdout))?;
    refused(&reading, "connect")?;
    let fields = [("unit", "job.scope"), ("cgroup", "/system.slice/job.scope")];
    has(only(&service.since(&mark)?)?, &fields)
}

fn delegated(stage: &Stage) -> Outcome {
    let service = service(&["delegated.service"])?;
    let unit = Unit::probing(
        stage,
        "delegated.service",
        &[&["sub-cgroup", FORBIDDEN, "3"]],
        "Delegate=yes",
    )?;
    let mark = service.mark(AGENT)?;
    let readings = unit.run()?;
    ensure!(readings.len() == 1, "{} reports", readings.len());
    refused(&readings[0], "sendto")?;
    let fields = [
        ("unit", "delegated.service"),
        ("cgroup", "/system.slice/delegated.service/sub0/sub1/sub2"),
    ];
    has(only(&service.since(&mark)?)?, &fields)
}

/// Whoever has a cgroup of its own may call a child of it what it likes: it is no unit.
fn namesake(stage: &Stage) -> Outcome {
    let service = service(&["declared.service"])?;
    let script = format!(
        "own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/declared.service\n\
         mkdir \"$own\" && echo $$ > \"$own/cgroup.procs\" && grep -q /declared.service /proc/self/cgroup &&\n\
         $PROBE {} && $PROBE {}\n",
        BOTH[0].join(" "),
        BOTH[1].join(" ")
    );
    let unit = Unit::scripted(stage, "host.service", &script, "Delegate=yes")?;
    is_untouched(stage, &service, &unit)
}

/// A declaration counts for the next start; one that is withdrawn does not.
fn declared_later(stage: &Stage) -> Outcome {
    let service = service(&["later.service"])?;
    let unit = Unit::probing(stage, "later.service", BOTH, "")?;
    is_confined(stage, &service, &unit, AGENT, "/system.slice/later.service")?;
    service.declare(&[(AGENT, &scope(AGENT, &["other.service"]))])?;
    service.reload()?;
    is_untouched(stage, &service, &unit)?;
    systemctl(&["is-active", "agentguard.service"]).map(drop)
}
