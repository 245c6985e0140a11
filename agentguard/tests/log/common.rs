//! What the tests share.

use std::{fs, path::Path, time::Instant};

use agentguard::log::{Clock, LogFile, LogHandle, LogThread, ViolationContext, spawn};
use agentguard_common::{
    address::Address,
    decision::{Action, Reason},
    event::{Event, Operation},
    rules::NO_RULE,
};
use serde_json::Value;

/// A refused connection to 10.0.0.1.
pub(crate) fn event(port: u16) -> Event {
    let mut event = Event {
        boot_ns: Clock::new().unwrap().boot_ns(),
        cgroup: 71,
        instance: 70,
        address: Address::from_v4(0x0a00_0001),
        policy: 3,
        family: 2,
        socket_type: 1,
        protocol: 6,
        port,
        rule: NO_RULE,
        operation: Operation::Connect as u8,
        action: Action::Refuse as u8,
        reason: Reason::NoRule as u8,
        ..Event::default()
    };
    event.comm[..4].copy_from_slice(b"curl");
    event
}

/// Of an agent that nothing else is known of.
pub(crate) fn context(agent: &str) -> ViolationContext<'_> {
    ViolationContext {
        agent,
        owner: None,
        text: b"",
        names: None,
        rule: None,
        process: None,
        cgroup: None,
    }
}

/// A log at a path.
pub(crate) fn open(path: &Path) -> (LogHandle, LogThread) {
    let file = LogFile::open(path).unwrap();
    spawn(file, Clock::new().unwrap()).unwrap()
}

/// The records of a file, every line of which must be one.
pub(crate) fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the file ends in a whole line"
    );
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// How many violations the records hold, written and lost, after checking that every gap in the
/// sequence is explained.
pub(crate) fn accounted(records: &[Value]) -> (u64, u64) {
    let (mut written, mut lost, mut seq) = (0, 0, 0);
    for record in records {
        if record["kind"] == "unwritten" {
            let count = record["unwritten"].as_u64().unwrap();
            lost += count;
            seq += count;
        }
        written += u64::from(record["kind"] == "violation");
        seq += 1;
        assert_eq!(record["seq"], seq, "{record}");
    }
    (written, lost)
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed().as_secs() < 10, "in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
