//! I01, I03, I04, I11, I12, I14, I16: attempts to be somebody else.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use super::{
    scopes::GUARDED,
    story::{FORBIDDEN, has, is_confined, refused as is_refused, slice, stopped, try_in, worked},
    table::{no_rule, paired, refused, scenario},
};
use crate::{
    ensure,
    error::{Context, Outcome, failed},
    harness::{Group, Interactive, Stage},
    host::{cgroup::Cgroup, process},
    probe::Reading,
    world::addresses::FORBIDDEN4,
};

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "identity",
    scopes: &[GUARDED, RESIDENT],
    layout: None,
    internet: false,
    cases: &[
        paired("I04-sub-cgroup", |stage| sub_cgroup_untagged(stage, "1"), |stage| sub_cgroup(stage, "1")),
        paired("I04-deep-sub-cgroup", |stage| sub_cgroup_untagged(stage, "6"), |stage| sub_cgroup(stage, "6")),
        scenario("I11-first-instruction", first_instruction),
        paired("I12-rename", |stage| worked(&stage.try_untagged(RENAME)?), rename),
        paired("I14-all-namespaces", |stage| worked(&stage.try_untagged(NAMESPACES)?), namespaces),
        refused("I14-user-namespace-connect", "guarded", &["unshare-net-tcp", FORBIDDEN], FORBIDDEN4, "connect", no_rule("connect", FORBIDDEN, "tcp")),
        paired("I16-daemonise", daemonise_untagged, daemonise),
        paired("I01-leave", leave_untagged, leave),
        paired("I03-leave-by-a-descriptor-from-before", leave_later_untagged, leave_later),
        paired("I01-move-another", move_another_untagged, move_another),
        scenario("many-sub-cgroups-beyond-the-table", beyond_the_table),
    ],
};

/// An agent that lives in a declared cgroup.
const RESIDENT: (&str, &str) = (
    "resident",
    "[agent]\nname = \"resident\"\n\n[match]\ncgroups = [\"/$name-declared\"]\n",
);

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

/// How long a probe may take.
const LIMIT: Duration = Duration::from_mins(1);

/// Somewhere that is no agent's.
fn elsewhere() -> Outcome<Cgroup> {
    Cgroup::create(&slice("elsewhere"))
}

fn shown(cgroup: &Cgroup) -> String {
    cgroup.directory().display().to_string()
}

fn leave_untagged(stage: &Stage) -> Outcome {
    let (home, elsewhere) = (Cgroup::create(&slice("untagged"))?, elsewhere()?);
    let technique = ["cgroup-leave", &shown(&elsewhere), FORBIDDEN];
    worked(&try_in(stage, &home, &technique)?)
}

/// Whoever leaves is killed: it is the last thing that it did.
fn leave(stage: &Stage) -> Outcome {
    let (daemon, elsewhere) = (stage.daemon()?, elsewhere()?);
    let technique = ["cgroup-leave", &shown(&elsewhere), FORBIDDEN];
    stopped(stage, daemon, "guarded", &left_for(&elsewhere), || {
        let mut command = stage.tagged(daemon, "guarded", &technique);
        was_killed(process::output(&mut command, LIMIT)?.status)
    })
    .map(drop)
}

/// The one record of who leaves for a cgroup.
fn left_for(cgroup: &Cgroup) -> [(&'static str, &str); 4] {
    [
        ("operation", "cgroup"),
        ("reason", "never"),
        ("verdict", "refused"),
        ("path", cgroup.path()),
    ]
}

fn was_killed(status: ExitStatus) -> Outcome {
    let killed = status.signal() == Some(libc::SIGKILL) || status.code() == Some(128 + 9);
    ensure!(killed, "it is not killed: {status}");
    Ok(())
}

/// A process that opens the way out first, and then comes into a cgroup.
fn leaver(stage: &Stage, home: &Cgroup, elsewhere: &Cgroup) -> Outcome<Interactive> {
    let technique = ["cgroup-leave-later", &shown(elsewhere), FORBIDDEN];
    let mut probe = stage.begin_untagged(&technique)?;
    let pid = probe.process().0.id();
    std::fs::write(home.directory().join("cgroup.procs"), pid.to_string())
        .context("put a process into a cgroup")?;
    Ok(probe)
}

fn leave_later_untagged(stage: &Stage) -> Outcome {
    let (home, elsewhere) = (Cgroup::create(&slice("untagged"))?, elsewhere()?);
    worked(&leaver(stage, &home, &elsewhere)?.finish()?)
}

fn leave_later(stage: &Stage) -> Outcome {
    let (home, elsewhere) = (Cgroup::create(&slice("declared"))?, elsewhere()?);
    let (daemon, fields) = (stage.daemon()?, left_for(&elsewhere));
    stopped(stage, daemon, "resident", &fields, || {
        let mut probe = leaver(stage, &home, &elsewhere)?;
        drop(probe.process().0.stdin.take());
        was_killed(probe.process().wait(LIMIT)?)
    })
    .map(drop)
}

/// Untagged, a process that sends all the time is moved and goes on.
fn move_another_untagged(stage: &Stage) -> Outcome {
    let elsewhere = elsewhere()?;
    let pinger = stage.begin_untagged(&["cgroup-ping-forever", FORBIDDEN])?;
    let technique = ["cgroup-move", &shown(&elsewhere), &pinger.detail];
    worked(&stage.try_untagged(&technique)?)?;
    let reading = pinger.finish()?;
    ensure!(reading.number("passed")? > 0, "{:?}", reading.facts);
    Ok(())
}

/// Who moves another of the agent's is killed, and the other, too. Until then it reaches nobody, where security hooks
/// say whose it is; elsewhere it may for a moment.
fn move_another(stage: &Stage) -> Outcome {
    let (daemon, elsewhere) = (stage.daemon()?, elsewhere()?);
    stage.world.settle()?;
    let (moment, before) = (daemon.moment("guarded")?, stage.world.arrivals(FORBIDDEN4));
    let mut pinger = stage.begin_tagged(daemon, "guarded", &["cgroup-ping-forever", FORBIDDEN])?;
    let technique = ["cgroup-move", &shown(&elsewhere), &pinger.detail];
    let mut mover = stage.tagged(daemon, "guarded", &technique);
    was_killed(process::output(&mut mover, LIMIT)?.status)?;
    was_killed(pinger.process().wait(LIMIT)?)?;
    drop(pinger);
    stage.world.settle()?;
    let arrived = stage.world.arrivals(FORBIDDEN4) - before;
    ensure!(
        arrived == 0 || !stage.has_lsm()?,
        "{arrived} packets arrive"
    );
    let records = daemon.since(&moment)?.violations;
    let mut left = records
        .iter()
        .filter(|record| record.text("operation") == "cgroup");
    match (left.next(), left.next()) {
        (Some(record), None) => has(record, &left_for(&elsewhere)),
        _ => failed(format!("not one record of a move: {records:?}")),
    }
}
