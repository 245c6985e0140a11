//! What `/proc` says of real processes.

use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::{Child, Command},
};

use agentguard::{events::enrich::Enricher, log::Clock};
use agentguard_common::event::Event;

use super::common;

/// A process that waits, and that is gone when the test is.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn waiting(arguments: &[&OsStr]) -> Waiting {
    let child = Waiting(
        Command::new("sh")
            .args(["-c", "read _", "sh"])
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .arg0("agent")
            .spawn()
            .unwrap(),
    );
    // `spawn` returns in the middle of the exec, before there are arguments.
    let cmdline = format!("/proc/{}/cmdline", child.0.id());
    common::eventually("the exec", || {
        std::fs::read(&cmdline).unwrap().starts_with(b"agent")
    });
    child
}

fn enricher() -> Enricher {
    Enricher::new(Clock::new().unwrap())
}

fn event(pid: u32) -> Event {
    Event {
        pid,
        ..common::event(1)
    }
}

fn no_path(_: u64) -> Option<String> {
    None
}

fn own_cgroup() -> String {
    let text = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap()
        .to_owned()
}

#[test]
fn a_running_process_is_described() {
    let child = waiting(&["a b".as_ref(), "é".as_ref(), OsStr::from_bytes(b"\xff")]);
    let facts = enricher().facts(&event(child.0.id()), no_path).unwrap();
    assert_eq!(facts.ppid, Some(std::process::id()));
    assert_eq!(
        facts.cmdline.as_deref(),
        Some("agent -c read _ sh a b é \u{fffd}")
    );
    let exe = std::fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(facts.exe.as_deref(), exe.to_str());
    assert_eq!(facts.cgroup, Some(own_cgroup()));
    assert!(!facts.exited && !facts.cmdline_cut);
}

#[test]
fn a_long_command_line_is_cut_and_says_so() {
    let child = waiting(&["x".repeat(10_000).as_ref()]);
    let facts = enricher().facts(&event(child.0.id()), no_path).unwrap();
    assert_eq!(facts.cmdline.as_ref().map(String::len), Some(4096));
    assert!(facts.cmdline_cut);
}

#[test]
fn a_process_that_is_gone_has_exited() {
    let child = waiting(&[]);
    let event = event(child.0.id());
    drop(child);
    let facts = enricher().facts(&event, no_path).unwrap();
    assert!(facts.exited);
    assert_eq!((&facts.exe, facts.ppid), (&None, None));
}

#[test]
fn a_zombie_has_exited() {
    let mut child = waiting(&[]);
    let event = event(child.0.id());
    child.0.kill().unwrap();
    let stat = format!("/proc/{}/stat", child.0.id());
    common::eventually("the zombie", || {
        std::fs::read_to_string(&stat).unwrap().contains(") Z ")
    });
    assert!(enricher().facts(&event, no_path).unwrap().exited);
}

#[test]
fn a_process_that_took_over_the_id_is_not_described() {
    let before = event(1);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let child = waiting(&[]);
    let event = Event {
        pid: child.0.id(),
        ..before
    };
    let facts = enricher().facts(&event, no_path).unwrap();
    assert!(facts.exited);
    assert_eq!(facts.cmdline, None);
}

#[test]
fn a_process_of_another_cgroup_is_not_described() {
    let child = waiting(&[]);
    let event = event(child.0.id());
    let own = own_cgroup();
    let mut enricher = enricher();
    let mut described = |cgroup: Option<&str>, instance: Option<&str>| {
        let path_of = |id| match id {
            71 => cgroup.map(str::to_owned),
            70 => instance.map(str::to_owned),
            _ => panic!("cgroup {id} has nothing to do with it"),
        };
        enricher.facts(&event, path_of).is_some()
    };
    assert!(!described(Some("/no/such"), Some("/no")));
    assert!(!described(Some("/no/such"), None));
    assert!(!described(Some(&format!("{own}x")), None) || own == "/");
    assert!(described(Some(&own), None));
    assert!(
        described(Some("/no/such"), Some("/")),
        "it moved within its own tree"
    );
    assert!(described(None, None));
}

#[test]
fn one_look_serves_all_events_before_it() {
    let mut child = waiting(&[]);
    let event = event(child.0.id());
    let mut enricher = enricher();
    let first = enricher.facts(&event, no_path).unwrap();
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert_eq!(
        enricher.facts(&event, no_path).unwrap(),
        first,
        "nearer to the event than a new look"
    );
    let later = Event {
        boot_ns: Clock::new().unwrap().boot_ns(),
        ..event
    };
    assert!(
        enricher.facts(&later, no_path).unwrap().exited,
        "a later event needs a new look"
    );
}

#[test]
fn no_process_has_no_facts() {
    assert_eq!(enricher().facts(&event(0), no_path), None);
    assert!(enricher().facts(&event(u32::MAX), no_path).unwrap().exited);
}
