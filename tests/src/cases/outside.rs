//! Processes outside every scope are never affected, wherever they are.

use super::{
    scopes::{GUARDED, HOLES},
    story::{FORBIDDEN, pull, try_in, worked},
    table::scenario,
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::cgroup::Cgroup,
    world::addresses::{FORBIDDEN4, NEAR4},
};

pub(super) const GROUP: Group = Group {
    name: "outside",
    scopes: &[GUARDED, HOLES],
    layout: None,
    internet: false,
    cases: &[
        scenario("on-the-host", on_the_host),
        scenario("beneath-the-attach-point", beneath),
        scenario("serving", serving),
    ],
};

/// Techniques that every agent is refused.
const TECHNIQUES: &[&[&str]] = &[
    &["tcp", FORBIDDEN],
    &["tcp-mapped", FORBIDDEN],
    &["tcp-fastopen", FORBIDDEN],
    &["tcp", "[fd77::3]:7001"],
    &["udp", FORBIDDEN],
    &["udp", "[fd77::3]:7001"],
    &["udp-exchange", FORBIDDEN],
    &["udp-unspecified-family", FORBIDDEN],
    &["tcp", "127.0.0.1:7001"],
    &["tcp", "169.254.169.254:7001"],
    &["icmp", "10.77.0.3:0"],
    &["raw-udp", FORBIDDEN],
    &["raw-header", FORBIDDEN],
    &["bind", "0.0.0.0:8100"],
    &["loopback-pair", "127.0.0.1:0"],
];

fn nothing_recorded(stage: &Stage, offset: u64) -> Outcome {
    stage.world.settle()?;
    let records = stage.daemon()?.violations(offset)?;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

fn log_length(stage: &Stage) -> Outcome<u64> {
    let log = stage.daemon()?.log();
    Ok(std::fs::metadata(log).map_or(0, |log| log.len()))
}

fn on_the_host(stage: &Stage) -> Outcome {
    let offset = log_length(stage)?;
    for technique in TECHNIQUES {
        worked(&stage.try_untagged(technique)?)?;
    }
    nothing_recorded(stage, offset)
}

/// In the daemon's own top-level cgroup, to which the programs are attached, beside the instances.
fn beneath(stage: &Stage) -> Outcome {
    let offset = log_length(stage)?;
    let top = &stage.daemon()?.settings().cgroup;
    let beside = Cgroup::create(&format!("/{top}/nobody"))?;
    for technique in TECHNIQUES {
        worked(&try_in(stage, &beside, technique)?)?;
    }
    nothing_recorded(stage, offset)
}

fn serving(stage: &Stage) -> Outcome {
    let offset = log_length(stage)?;
    let probe = stage.begin_untagged(&["listen", "10.77.0.1:8100"])?;
    let taken = pull(&stage.world, FORBIDDEN4, (NEAR4, 8100).into())?;
    ensure!(
        taken.as_deref() == Some(b"secret"),
        "the peer gets {taken:?}"
    );
    worked(&probe.finish()?)?;
    nothing_recorded(stage, offset)
}
