//! A process that is nobody's agent, beside the agents. (That every technique works untagged, and leaves no
//! record, is what the controls show.)

use super::super::{story::worked, table::scenario};
use crate::{
    ensure,
    error::Outcome,
    harness::{Case, Interactive, Stage},
    host::cgroup::Cgroup,
};

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    scenario("outside-beneath-the-attach-point", beneath),
];

/// What every agent is refused.
const TECHNIQUES: &[&[&str]] = &[
    &["unix-connect", "stream", "$sockets/stranger/docker.sock"],
    &["unix-sendto", "@$name-neighbour-log"],
    &["family", "17", "3", "0"],
    &["family", "16", "2", "16"],
    &["option-udp", "device", "10.77.0.2:7001", "$device"],
    &[
        "receive",
        "$sockets/stranger/offer",
        "read $tree/secret/file",
    ],
    &["receive", "$sockets/stranger/offer", "udp 10.77.0.3:7001"],
    &["signal", "kill", "$clerk.pid", "10"],
    &[
        "trace",
        "write-memory",
        "$clerk.pid",
        "$clerk.memory",
        "$clerk.descriptor",
    ],
    &["bpf", "11"],
    &["mount-host", "tmpfs", "$tree/open/mount", "$tree/read"],
    &["namespace", "unshare"],
    &["terminal-input", "type"],
    &["file-times", "path", "$tree/secret/file"],
    &["cgroup-open", "own", "cgroup.procs"],
    &["cgroup-clone", "path"],
];

/// In the daemon's own top-level cgroup.
fn beneath(stage: &Stage) -> Outcome {
    stage.call_witnesses()?;
    stage.tree()?.fill()?;
    let daemon = stage.daemon()?;
    let offset = std::fs::metadata(daemon.log()).map_or(0, |log| log.len());
    let top = &daemon.settings().cgroup;
    let beside = Cgroup::create(&format!("/{top}/nobody"))?;
    let mut session = stage.untagged(&["session"]);
    beside.place(&mut session)?;
    let mut session = Interactive::start(session)?;
    for technique in TECHNIQUES {
        let words: Vec<_> = technique.iter().map(|word| stage.expand(word)).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        worked(&session.ask(&words)?)?;
    }
    // A record of an agent that is made after them comes after theirs.
    let moment = daemon.moment("plain")?;
    stage.perform(Some("plain"), &["bpf", "0"])?;
    daemon.since(&moment)?;
    let records = daemon.violations(offset)?;
    ensure!(
        records.len() == 1 && records[0].agent() == "plain",
        "there are other records: {records:?}"
    );
    Ok(())
}
