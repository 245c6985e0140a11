//! The file: order, crashes, rotation, and what may not be a log.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use agentguard::log::{Clock, Growth, LogCounters, LogError, LogFile, spawn_with_capacity};
use nix::{sys::stat::Mode, unistd::mkfifo};

use super::common::{accounted, context, event, open, records};

fn refused(path: &Path, expected: &str) {
    let error = LogFile::open(path).unwrap_err();
    assert!(
        matches!(error, LogError::NotAFile { found, .. } if found == expected),
        "{error}"
    );
    assert!(
        error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
}

#[test]
fn only_a_regular_file_is_a_log() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("target"), "").unwrap();
    symlink(at("target"), at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    refused(&at("link"), "symbolic link");
    refused(&at("dangling"), "symbolic link");
    refused(&at("fifo"), "FIFO");
    refused(directory.path(), "directory");
    refused(Path::new("/dev/null"), "device");
    assert!(!at("nowhere").exists());
    assert!(matches!(
        LogFile::open(&at("target/log")).unwrap_err(),
        LogError::Directory { .. }
    ));
}

#[test]
fn the_log_and_its_directory_are_made_with_their_modes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/v.jsonl");
    open(&path).1.close();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o640);
    assert_eq!(mode(path.parent().unwrap()), 0o750);
}

#[test]
fn ten_thousand_records_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let (log, thread) = open(&path);
    let start = Instant::now();
    for port in 0..10_000 {
        log.violation(&event(port), &context("bot"));
    }
    let counters = thread.close();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        counters,
        LogCounters {
            written: 10_000,
            unwritten: 0,
            queued: 0
        }
    );
    let records = records(&path);
    assert_eq!(accounted(&records), (10_000, 0));
    for (record, port) in records.iter().zip(0..) {
        assert_eq!(record["dst_port"].as_u64(), Some(port));
    }
}

#[test]
fn many_recorders_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let (log, thread) = open(&path);
    thread::scope(|scope| {
        for agent in ["a", "b", "c", "d"] {
            let log = log.clone();
            scope.spawn(move || {
                for port in 0..500 {
                    log.violation(&event(port), &context(agent));
                }
            });
        }
    });
    assert_eq!(thread.close().written, 2000);
    let records = records(&path);
    assert_eq!(accounted(&records), (2000, 0));
    for agent in ["a", "b", "c", "d"] {
        let ports: Vec<_> = records
            .iter()
            .filter(|record| record["agent"] == agent)
            .map(|record| record["dst_port"].as_u64().unwrap())
            .collect();
        assert_eq!(ports, (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn a_line_that_a_crash_left_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    fs::write(&path, "{\"v\":1,\"seq\":1}\n{\"v\":1,\"se").unwrap();
    let (log, thread) = open(&path);
    log.violation(&event(1), &context("bot"));
    assert_eq!(thread.close().written, 1);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["{\"v\":1,\"seq\":1}", "{\"v\":1,\"se"]);
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with("{\"v\":1,\"seq\":1,\"time\":\"") && lines[2].ends_with('}'));
}

#[test]
fn a_full_queue_is_counted_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let file = LogFile::open(&path).unwrap();
    let (log, thread) = spawn_with_capacity(file, Clock::new().unwrap(), 4096).unwrap();
    for port in 0..20_000 {
        log.violation(&event(port), &context("bot"));
    }
    let during = log.counters();
    assert_eq!(during.recorded(), 20_000, "{during:?}");
    let counters = thread.close();
    assert!(
        counters.unwritten > 0 && counters.queued == 0,
        "{counters:?}"
    );
    assert_eq!(counters.recorded(), 20_000);
    let records = records(&path);
    assert_eq!(accounted(&records), (counters.written, counters.unwritten));
}

#[test]
fn reports_come_at_most_once_per_second() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let (log, thread) = open(&path);
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < Duration::from_millis(1500) {
        log.growth(
            "bot",
            Growth {
                lost: 1,
                repeated: 0,
            },
        );
        sent += 1;
        thread::sleep(Duration::from_millis(2));
    }
    thread.close();
    let records = records(&path);
    let lost: u64 = records
        .iter()
        .map(|record| record["lost"].as_u64().unwrap())
        .sum();
    assert_eq!(lost, sent);
    assert!(
        (2..=3 + start.elapsed().as_secs()).contains(&(records.len() as u64)),
        "{}",
        records.len()
    );
}

#[test]
fn what_comes_after_the_end_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (log, thread) = open(&directory.path().join("v.jsonl"));
    thread.close();
    log.violation(&event(1), &context("bot"));
    assert_eq!(
        log.counters(),
        LogCounters {
            written: 0,
            unwritten: 1,
            queued: 0
        }
    );
}
