//! Processes outside every scope, while agents are confined. (That every technique works untagged is what the
//! controls show.)

use super::super::{
    story::{try_in, worked},
    table::scenario,
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Case, Stage},
    host::cgroup::Cgroup,
};

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    scenario("outside", outside),
    scenario("outside-beneath-the-attach-point", beneath),
];

/// What every agent is refused.
const TECHNIQUES: &[&[&str]] = &[
    &["open", "open", "read", "$tree/secret/file"],
    &["open", "open", "write", "$tree/secret/file"],
    &["open", "open", "truncate", "$tree/secret/file"],
    &["open", "open", "create", "$tree/secret/new"],
    &["open", "open", "read", "$tree/open/denied/file"],
    &["open", "open", "read", "/proc/1/status"],
    &["link", "$tree/secret/file", "$tree/open/linked"],
    &["move", "$tree/secret/new", "$tree/open/moved"],
    &["chmod", "path", "$tree/secret/file"],
    &["setxattr", "path", "$tree/secret/file"],
    &["mknod", "character", "$tree/open/device"],
    &["execve", "$tree/secret/tool"],
    &["exec-memory"],
    &["map-exec", "$tree/secret/tool"],
    &["uring-open", "worker", "read", "$tree/secret/file"],
    &["chroot", "$tree/secret", "/file"],
    &[
        "bind-mount",
        "root",
        "$tree/secret",
        "$tree/open/mount",
        "file",
    ],
    &["new-tmpfs", "user", "$tree/open/mount"],
    &["unlink", "$tree/secret/file"],
];

fn nobody_is_recorded(stage: &Stage, attempts: impl FnOnce() -> Outcome) -> Outcome {
    let daemon = stage.daemon()?;
    let offset = std::fs::metadata(daemon.log()).map_or(0, |log| log.len());
    stage.tree()?.fill()?;
    attempts()?;
    // A record of an agent that is made after them comes after theirs.
    let moment = daemon.moment("clerk")?;
    stage.perform(
        Some("clerk"),
        &["open", "open", "read", "$tree/secret/dir/inner"],
    )?;
    daemon.since(&moment)?;
    let records = daemon.violations(offset)?;
    ensure!(
        records.len() == 1 && records[0].agent() == "clerk",
        "there are other records: {records:?}"
    );
    Ok(())
}

fn outside(stage: &Stage) -> Outcome {
    nobody_is_recorded(stage, || {
        TECHNIQUES
            .iter()
            .try_for_each(|technique| worked(&stage.perform(None, technique)?))
    })
}

/// In the daemon's own top-level cgroup, beside the agents.
fn beneath(stage: &Stage) -> Outcome {
    let top = &stage.daemon()?.settings().cgroup;
    let beside = Cgroup::create(&format!("/{top}/nobody"))?;
    nobody_is_recorded(stage, || {
        TECHNIQUES.iter().try_for_each(|technique| {
            let words: Vec<_> = technique.iter().map(|word| stage.expand(word)).collect();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            worked(&try_in(stage, &beside, &words)?)
        })
    })
}
