//! I08, I10: processes that are there, or come to be, while their cgroup becomes an agent's.

use super::{
    story::{
        FORBIDDEN, declared, eventually, is_emulated, refused as is_refused, slice, stopped,
        try_in, worked,
    },
    table::{paired, scenario},
};
use crate::{
    daemon::{Daemon, Happened},
    ensure,
    error::Outcome,
    harness::{Group, Interactive, Stage},
    host::cgroup::Cgroup,
    probe::Reading,
    sys::boot_ns,
};

/// Refusals that a loop of forks must see.
const FORKS: u64 = 10_000;
/// The same on an emulated machine, where a fork takes a hundred times as long.
const SLOW_FORKS: u64 = 2_000;
const AGENT: &str = "resident";

pub(super) const GROUP: Group = Group {
    name: "enrolment",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        paired(
            "I08-forks-while-the-daemon-starts",
            forks_untagged,
            forks_at_start,
        ),
        scenario("I08-forks-while-a-scope-is-added", forks_at_reload),
        paired(
            "I10-threads-while-the-daemon-starts",
            threads_untagged,
            threads_at_start,
        ),
        scenario("I10-threads-while-a-scope-is-added", threads_at_reload),
        scenario("cgroup-before-the-daemon", before),
        scenario("cgroup-after-the-daemon", after),
        scenario("cgroup-removed-and-made-again", again),
        scenario("sub-cgroups-before-the-daemon", sub_cgroups_before),
        scenario("beside-the-declared-cgroup", beside),
    ],
};

/// The declared cgroup and the one above it, which outlives it.
fn home() -> Outcome<(Cgroup, Cgroup)> {
    let parent = Cgroup::create(&slice("slice"))?;
    let home = Cgroup::create(&format!("{}/resident", parent.path()))?;
    Ok((home, parent))
}

fn scope() -> String {
    declared(AGENT, &format!("{}/resident", slice("slice")))
}

fn begin(stage: &Stage, cgroup: &Cgroup, technique: &[&str]) -> Outcome<Interactive> {
    let mut command = stage.untagged(technique);
    cgroup.place(&mut command)?;
    Interactive::start(command)
}

fn forks_untagged(stage: &Stage) -> Outcome {
    let (home, _parent) = home()?;
    let reading = begin(stage, &home, &["fork-loop", FORBIDDEN, "10"])?.finish()?;
    ensure!(
        reading.number("passed")? > 0,
        "untagged, nothing passes: {:?}",
        reading.facts
    );
    ensure!(
        reading.number("other")? == 0,
        "other errors: {:?}",
        reading.facts
    );
    Ok(())
}

fn threads_untagged(stage: &Stage) -> Outcome {
    let (home, _parent) = home()?;
    let probe = begin(stage, &home, &threads())?;
    std::thread::sleep(std::time::Duration::from_millis(50));
    let reading = probe.finish()?;
    ensure!(
        reading.number("passed")? > 8,
        "untagged, nothing passes: {:?}",
        reading.facts
    );
    Ok(())
}

/// Before `enforced` something passed; afterwards nothing.
fn cut_off(reading: &Reading, enforced: u64, happened: &Happened) -> Outcome {
    let facts = &reading.facts;
    ensure!(
        reading.number("passed")? > 0,
        "nothing passed before: {facts:?}"
    );
    ensure!(reading.number("other")? == 0, "other errors: {facts:?}");
    let last = reading.number("last-passed")?;
    ensure!(
        last < enforced,
        "one passed {} ns after enforcement: {facts:?}",
        last - enforced
    );
    ensure!(
        happened.counters.refused == reading.number("refused")?,
        "the kernel counted {:?}: {facts:?}",
        happened.counters
    );
    Ok(())
}

fn at_start(stage: &Stage, technique: &[&str]) -> Outcome<Reading> {
    let (home, _parent) = home()?;
    let probe = begin(stage, &home, technique)?;
    let daemon = stage.start(&[(AGENT, &scope())])?;
    let enforced = boot_ns();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let reading = probe.finish()?;
    let happened = since_start(&daemon)?;
    cut_off(&reading, enforced, &happened)?;
    Ok(reading)
}

/// Everything that happened to the agent.
fn since_start(daemon: &Daemon) -> Outcome<Happened> {
    let counters = daemon.moment(AGENT)?;
    // Nothing more happens: the moment holds all of it.
    daemon.since(&counters.rewound())
}

/// Eight threads whose pauses leave an emulated machine time for the daemon.
fn threads() -> [&'static str; 4] {
    let pause = if is_emulated() { "10" } else { "1" };
    ["threads", FORBIDDEN, "8", pause]
}

fn forks() -> u64 {
    if is_emulated() { SLOW_FORKS } else { FORKS }
}

fn enough(reading: &Reading, refusals: u64) -> Outcome {
    let refused = reading.number("refused")?;
    ensure!(refused >= refusals, "too few refusals: {:?}", reading.facts);
    Ok(())
}

fn forks_at_start(stage: &Stage) -> Outcome {
    enough(
        &at_start(stage, &["fork-loop", FORBIDDEN, &forks().to_string()])?,
        forks(),
    )
}

fn threads_at_start(stage: &Stage) -> Outcome {
    enough(&at_start(stage, &threads())?, 16)
}

fn at_reload(stage: &Stage, technique: &[&str]) -> Outcome<Reading> {
    let (home, _parent) = home()?;
    let daemon = stage.start(&[])?;
    let probe = begin(stage, &home, technique)?;
    daemon.write_scope(AGENT, &scope())?;
    daemon.reload()?;
    let enforced = boot_ns();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let reading = probe.finish()?;
    cut_off(&reading, enforced, &since_start(&daemon)?)?;
    Ok(reading)
}

fn forks_at_reload(stage: &Stage) -> Outcome {
    enough(
        &at_reload(stage, &["fork-loop", FORBIDDEN, &forks().to_string()])?,
        forks(),
    )
}

fn threads_at_reload(stage: &Stage) -> Outcome {
    enough(&at_reload(stage, &threads())?, 16)
}

/// A process in the cgroup is refused, with one record.
fn is_refused_in(stage: &Stage, daemon: &Daemon, cgroup: &Cgroup) -> Outcome {
    stopped(stage, daemon, AGENT, &[("cgroup", cgroup.path())], || {
        is_refused(&try_in(stage, cgroup, &["udp", FORBIDDEN])?, "sendto")
    })
    .map(drop)
}

fn before(stage: &Stage) -> Outcome {
    let (home, _parent) = home()?;
    worked(&try_in(stage, &home, &["udp", FORBIDDEN])?)?;
    let daemon = stage.start(&[(AGENT, &scope())])?;
    is_refused_in(stage, &daemon, &home)
}

fn after(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &scope())])?;
    let (home, _parent) = home()?;
    is_refused_in(stage, &daemon, &home)
}

/// Each time the cgroup is another one, and its process tries at once.
fn again(stage: &Stage) -> Outcome {
    let parent = Cgroup::create(&slice("slice"))?;
    let daemon = stage.start(&[(AGENT, &scope())])?;
    for _ in 0..20 {
        let home = Cgroup::create(&format!("{}/resident", parent.path()))?;
        is_refused_in(stage, &daemon, &home)?;
        home.remove()?;
    }
    eventually("the agent has no cgroup any more", || {
        let status = daemon.status()?;
        Ok(status
            .agent(AGENT)
            .and_then(|agent| agent.get("cgroups")?.as_u64())
            == Some(0))
    })
}

fn sub_cgroups_before(stage: &Stage) -> Outcome {
    let (home, _parent) = home()?;
    let lower = Cgroup::create(&format!("{}/a/b/c", home.path()))?;
    let daemon = stage.start(&[(AGENT, &scope())])?;
    is_refused_in(stage, &daemon, &lower)
}

/// The cgroup above the declared one, and one beside it whose name begins alike, are nobody's.
fn beside(stage: &Stage) -> Outcome {
    let (home, parent) = home()?;
    let daemon = stage.start(&[(AGENT, &scope())])?;
    let neighbour = Cgroup::create(&format!("{}2", home.path()))?;
    for other in [&parent, &neighbour] {
        for technique in ["tcp", "udp", "raw-udp"] {
            worked(&try_in(stage, other, &[technique, FORBIDDEN])?)?;
        }
    }
    let records = daemon.violations(0)?;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}
