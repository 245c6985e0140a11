//! I04, I11, I12, I14, I16: attempts to be somebody else.

use std::time::Duration;

use super::{
    scopes::GUARDED,
    story::{FORBIDDEN, has, is_confined, refused as is_refused, slice, stopped, try_in, worked},
    table::{no_rule, paired, refused, scenario},
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::{cgroup::Cgroup, process},
    probe::Reading,
    world::addresses::FORBIDDEN4,
};

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "identity",
    scopes: &[GUARDED],
    layout: None,
    cases: &[
        paired("I04-sub-cgroup", |stage| sub_cgroup_untagged(stage, "1"), |stage| sub_cgroup(stage, "1")),
        paired("I04-deep-sub-cgroup", |stage| sub_cgroup_untagged(stage, "6"), |stage| sub_cgroup(stage, "6")),
        scenario("I11-first-instruction", first_instruction),
        paired("I12-rename", |stage| worked(&stage.try_untagged(RENAME)?), rename),
        paired("I14-all-namespaces", |stage| worked(&stage.try_untagged(NAMESPACES)?), namespaces),
        refused("I14-user-namespace-connect", "guarded", &["unshare-net-tcp", FORBIDDEN], FORBIDDEN4, "connect", no_rule("connect", FORBIDDEN, "tcp")),
        paired("I16-daemonise", daemonise_untagged, daemonise),
        scenario("many-sub-cgroups-beyond-the-table", beyond_the_table),
    ],
};

const RENAME: &[&str] = &["rename", FORBIDDEN, "agentguard"];
const NAMESPACES: &[&str] = &["unshare-all", FORBIDDEN];
const DAEMONISE: &[&str] = &["daemonise", FORBIDDEN];

/// Untagged, in a cgroup of its own.
fn sub_cgroup_untagged(stage: &Stage, depth: &str) -> Outcome {
    let cgroup = Cgroup::create(&slice("untagged"))?;
    worked(&try_in(stage, &cgroup, &["sub-cgroup", FORBIDDEN, depth])?)
}

fn sub_cgroup(stage: &Stage, depth: &str) -> Outcome {
    let technique = ["sub-cgroup", FORBIDDEN, depth];
    let record = refused_once(stage, &technique, "sendto")?;
    ensure!(
        record.text("cgroup").ends_with("/sub0") || record.text("cgroup").contains("/sub0/"),
        "the cgroup is not the lower one: {}",
        record.0
    );
    Ok(())
}

/// The agent is refused at a call, nothing arrives, and there is one record.
fn refused_once(stage: &Stage, technique: &[&str], call: &str) -> Outcome<crate::daemon::Record> {
    let daemon = stage.daemon()?;
    let fields = [("operation", "send"), ("destination", FORBIDDEN)];
    stopped(stage, daemon, "guarded", &fields, || {
        is_refused(&stage.try_tagged(daemon, "guarded", technique)?, call)
    })
}

/// The command is confined from its first instruction: not once out of many does it get through.
fn first_instruction(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    stage.world.settle()?;
    let (moment, before) = (daemon.moment("guarded")?, stage.world.arrivals(FORBIDDEN4));
    for _ in 0..100 {
        is_refused(
            &stage.try_tagged(daemon, "guarded", &["udp", FORBIDDEN])?,
            "sendto",
        )?;
    }
    stage.world.settle()?;
    let arrived = stage.world.arrivals(FORBIDDEN4) - before;
    ensure!(arrived == 0, "{arrived} packets arrive");
    let counters = daemon.since(&moment)?.counters;
    ensure!(counters.recorded == 100, "not 100 records: {counters:?}");
    Ok(())
}

/// The record shows the name that the agent gave itself, and the agent all the same.
fn rename(stage: &Stage) -> Outcome {
    let record = refused_once(stage, RENAME, "sendto")?;
    has(
        &record,
        &[("comm", "agentguard"), ("owner", "suite@example.com")],
    )
}

/// Inside it is process 1; the record has the number that the host knows.
fn namespaces(stage: &Stage) -> Outcome {
    let record = refused_once(stage, NAMESPACES, "sendto")?;
    ensure!(
        record.number("pid") > Some(1),
        "not a pid of the host: {}",
        record.0
    );
    ensure!(
        record.number("uid") == Some(0),
        "not a uid of the host: {}",
        record.0
    );
    Ok(())
}

fn daemonise_untagged(stage: &Stage) -> Outcome {
    let reading = stage.try_untagged(DAEMONISE)?;
    ensure!(
        reading.facts.get("reparented") == Some(&true.into()),
        "it has not lost its parents: {reading:?}"
    );
    worked(&reading)
}

/// The command has ended; what it left behind is still the agent.
fn daemonise(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let mut reading = Reading::default();
    let record = stopped(
        stage,
        daemon,
        "guarded",
        &[("destination", FORBIDDEN)],
        || {
            let mut command = stage.tagged(daemon, "guarded", DAEMONISE);
            let output = process::output(&mut command, Duration::from_secs(30))?;
            reading = Reading::parse(&String::from_utf8_lossy(&output.stdout))?;
            is_refused(&reading, "sendto")
        },
    )?;
    ensure!(
        record.number("pid").is_some() && record.number("pid") == reading.number("pid").ok(),
        "another process: {}",
        record.0
    );
    Ok(())
}

/// More cgroups than the tag table holds: the rest is confined, too.
fn beyond_the_table(stage: &Stage) -> Outcome {
    let mut settings = stage.settings();
    settings.arguments = vec!["--max-cgroups".into(), "4".into()];
    let daemon = crate::daemon::Daemon::start(settings, &[GUARDED])?;
    let waiting: Vec<_> = (0..6)
        .map(|_| stage.begin_tagged(&daemon, "guarded", &["wait", FORBIDDEN]))
        .collect::<Outcome<_>>()?;
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    let moment = daemon.moment("guarded")?;
    let deep = stage.try_tagged(&daemon, "guarded", &["sub-cgroup", FORBIDDEN, "20"])?;
    is_refused(&deep, "sendto")?;
    for probe in waiting {
        is_refused(&probe.finish()?, "sendto")?;
    }
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) == before,
        "a packet arrives"
    );
    let records = daemon.since(&moment)?.violations;
    ensure!(records.len() == 7, "{} records instead of 7", records.len());
    is_confined(stage, &daemon, "guarded")
}
