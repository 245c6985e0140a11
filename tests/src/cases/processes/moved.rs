//! I07, I15: whose a process is does not depend on where it is, nor on its number.

use std::{fs, process::Command, time::Duration};

use super::super::{
    story::{FORBIDDEN, eventually, has, slice, worked},
    table::scenario,
};
use crate::{
    ensure,
    error::{Context, Outcome},
    harness::{Case, Interactive, Stage},
    host::{cgroup::Cgroup, process::Running},
    probe::Reading,
    world::addresses::FORBIDDEN4,
};

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    scenario("I07-moved-by-somebody-else", moved),
    scenario("I15-number-of-an-agent", number_again),
];

/// An untagged process, as a service manager would, takes an agent's process out of its cgroup.
fn moved(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let elsewhere = Cgroup::create(&slice("moved"))?;
    stage.call_witnesses()?;
    stage.world.settle()?;
    let (moment, before) = (daemon.moment("plain")?, stage.world.arrivals(FORBIDDEN4));
    let mut probe = Interactive::start(stage.tagged(daemon, "plain", &["session"]))?;
    let pid = probe.process().0.id();
    fs::write(elsewhere.directory().join("cgroup.procs"), pid.to_string())
        .context("move the agent's process")?;
    // Nothing of the network without the cgroup, and every other rule all the same.
    let victim = stage.expand("$stranger.pid");
    let tried = [
        (vec!["udp", FORBIDDEN], "socket"),
        (vec!["udp", "10.77.0.2:7001"], "socket"),
        (vec!["signal", "kill", &victim, "10"], "kill"),
        (vec!["bpf", "0"], "bpf"),
    ];
    for (technique, call) in &tried {
        let reading = probe.ask(technique)?;
        ensure!(
            reading.first_error() == Some((call, "EPERM")),
            "{technique:?} is not refused: {}",
            reading.summary()
        );
    }
    drop(probe);
    stage.world.settle()?;
    let arrived = stage.world.arrivals(FORBIDDEN4) - before;
    ensure!(arrived == 0, "{arrived} packets arrive");
    let records = daemon.since(&moment)?.violations;
    let operations: Vec<_> = records
        .iter()
        .map(|record| record.text("operation"))
        .collect();
    ensure!(
        operations == ["socket", "socket", "signal", "bpf"],
        "the records are of {operations:?}: {records:?}"
    );
    records
        .iter()
        .try_for_each(|record| has(record, &[("agent", "plain"), ("verdict", "refused")]))
}

/// A process that is nobody's gets the number that an agent's process had.
fn number_again(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("plain")?;
    let mut ended = Running::start(&mut stage.tagged(daemon, "plain", &["exit", "0"]))?;
    let number = ended.0.id();
    ended.wait(Duration::from_mins(1))?;
    drop(ended);
    let mut reading = None;
    eventually("a process gets the same number", || {
        fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string())
            .context("choose the next number")?;
        let technique = stage.untagged(&["bpf", "11"]);
        let (got, said) = run(technique)?;
        if got != number {
            return Ok(false);
        }
        reading = Some(said);
        Ok(true)
    })?;
    if let Some(reading) = reading {
        worked(&reading)?;
    }
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

/// Runs it, and says which number it had.
fn run(mut command: Command) -> Outcome<(u32, Reading)> {
    use std::{io::Read, process::Stdio};
    let mut child = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let (number, mut text) = (child.0.id(), String::new());
    if let Some(output) = child.0.stdout.as_mut() {
        output.read_to_string(&mut text)?;
    }
    child.wait(Duration::from_mins(1))?;
    Ok((number, Reading::parse(&text)?))
}
