//! I09: a child for whose tag there is no memory is not born.
//!
//! What a program keeps is charged to the cgroup in which the daemon made its maps. The daemon leaves that cgroup,
//! which then gets no memory at all, and nobody is in it whom that could harm.

use std::fs;

use super::super::{
    scopes::GUARDED,
    story::{eventually, has, only, slice, worked},
    table::scenario,
};
use crate::{
    daemon::Daemon,
    ensure,
    error::{Context, Error, Outcome},
    harness::{Case, Interactive, Stage},
    host::cgroup::{Cgroup, Memory},
    probe::Reading,
};

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    scenario("I09-fork-without-memory", fork_without_memory),
];

const AGENT: &str = GUARDED.0;
/// Children that live at once. The kernel has memory at hand for some hundreds.
const MANY: u64 = 2_000;
/// Children before that: the kernel has at hand what they leave, too.
const FEW: u64 = 8;
/// What the kernel takes at least for a child's tag, in bytes.
const TAG: u64 = 64;

/// The daemon, in a cgroup that its memory is not charged to.
fn start(stage: &Stage, charged: &Cgroup, home: &Cgroup) -> Outcome<Daemon> {
    let mut settings = stage.settings();
    settings.home = Some(charged.directory().to_owned());
    let daemon = Daemon::start(settings, &[GUARDED])?;
    fs::write(
        home.directory().join("cgroup.procs"),
        daemon.pid().to_string(),
    )
    .context("move the daemon")?;
    Ok(daemon)
}

/// So many children at once, which live until the next question.
fn many(probe: &mut Interactive, children: u64) -> Outcome<Reading> {
    probe.ask(&[&children.to_string()])
}

fn fork_without_memory(stage: &Stage) -> Outcome {
    let _memory = Memory::limited()?;
    let charged = Cgroup::create(&slice("charged"))?;
    let home = Cgroup::create(&slice("home"))?;
    let daemon = start(stage, &charged, &home)?;
    let mut agent = stage.begin_tagged(&daemon, AGENT, &["fork-many"])?;
    let mut stranger = stage.begin_untagged(&["fork-many"])?;
    let moment = daemon.moment(AGENT)?;
    worked(&many(&mut agent, FEW)?)?;
    worked(&many(&mut agent, 0)?)?;

    charged.write("memory.max", "0")?;
    let before = charged.statistic("slab")?;
    let refused = many(&mut agent, MANY)?;
    let taken = charged.statistic("slab")?.saturating_sub(before);
    worked(&many(&mut agent, 0)?)?;
    let passed = many(&mut stranger, MANY)?;
    charged.write("memory.max", "max")?;
    eprintln!(
        "note: {} of {MANY} children are born, and {taken} bytes are taken",
        refused.number("children")?
    );

    worked(&passed)?;
    let happened = daemon.since(&moment)?;
    // Linux 6.1 does, for whoever must not wait. Where the tags were just missing, nothing would be taken.
    if refused.first_error().is_none() && taken >= MANY * TAG {
        ensure!(
            happened.violations.is_empty(),
            "there are records: {:?}",
            happened.violations
        );
        return Err(Error::Skipped(format!(
            "this kernel gives programs memory beyond memory.max: {taken} bytes"
        )));
    }
    ensure!(
        refused.first_error() == Some(("fork", "ENOMEM")),
        "a fork should fail with ENOMEM: {}, {:?}",
        refused.summary(),
        refused.facts
    );
    has(
        only(&happened)?,
        &[
            ("agent", AGENT),
            ("operation", "fork"),
            ("reason", "error"),
            ("verdict", "refused"),
        ],
    )?;
    // The kernel refills what it has at hand later.
    eventually("the agent forks again", || {
        Ok(many(&mut agent, MANY)?.first_error().is_none())
    })
}
