//! Slices that a scope declares, and units in slices.

use super::around::{BOTH, is_confined, is_untouched, scope};
use crate::{
    cases::table::scenario,
    error::Outcome,
    harness::{Group, Stage},
    systemd::{Service, Unit},
};

const AGENT: &str = "bot";

pub(super) const GROUP: Group = Group {
    name: "slices",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("a-declared-service-in-slices", in_slices),
        scenario("a-declared-slice", slice),
        scenario("a-declared-slice-whose-name-systemd-escapes", escaped),
        scenario("a-declared-cgroup-of-a-slice", cgroup),
    ],
};

/// The slices come to be with the unit.
fn in_slices(stage: &Stage) -> Outcome {
    let service = Service::with(&[(AGENT, &scope(AGENT, &["inner.service"]))])?;
    let unit = Unit::probing(stage, "inner.service", BOTH, "Slice=lab-team-one.slice")?;
    let path = "/lab.slice/lab-team.slice/lab-team-one.slice/inner.service";
    is_confined(stage, &service, &unit, AGENT, path).map(drop)
}

/// All units in the slice, and in the slices in it, are the agent's; those beside are not.
fn slice(stage: &Stage) -> Outcome {
    let service = Service::with(&[(AGENT, &scope(AGENT, &["agents.slice"]))])?;
    for (slice, path) in [
        ("agents.slice", "/agents.slice/member.service"),
        (
            "agents-deep.slice",
            "/agents.slice/agents-deep.slice/member.service",
        ),
    ] {
        let unit = Unit::probing(stage, "member.service", BOTH, &format!("Slice={slice}"))?;
        is_confined(stage, &service, &unit, AGENT, path)?;
    }
    for slice in ["agents2.slice", "deep-agents.slice"] {
        let unit = Unit::probing(stage, "member.service", BOTH, &format!("Slice={slice}"))?;
        is_untouched(stage, &service, &unit)?;
    }
    Ok(())
}

/// The cgroup of `memory.slice` is `_memory.slice`.
fn escaped(stage: &Stage) -> Outcome {
    let service = Service::with(&[(AGENT, &scope(AGENT, &["memory.slice"]))])?;
    let unit = Unit::probing(stage, "member.service", BOTH, "Slice=memory.slice")?;
    let path = "/_memory.slice/member.service";
    is_confined(stage, &service, &unit, AGENT, path).map(drop)
}

fn cgroup(stage: &Stage) -> Outcome {
    let text = scope(AGENT, &[]).replace("units = []", "cgroups = [\"/pool.slice\"]");
    let service = Service::with(&[(AGENT, &text)])?;
    let unit = Unit::probing(stage, "swimmer.service", BOTH, "Slice=pool.slice")?;
    let path = "/pool.slice/swimmer.service";
    is_confined(stage, &service, &unit, AGENT, path).map(drop)
}
