//! A disk that is full. The tests need root, for a small file system of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use agentguard::log::{Clock, DaemonEvent, LogFile, spawn_with_capacity};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use tempfile::TempDir;

use super::common::{accounted, context, event, eventually, open, records};

/// 64 KiB of disk that only this thread, and threads that it starts, can see. It goes with them,
/// however they end.
fn small_disk() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS).expect("this test needs root");
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    mount(
        Some("tmpfs"),
        directory.path(),
        Some("tmpfs"),
        MsFlags::empty(),
        Some("size=64k"),
    )
    .unwrap();
    let path = directory.path().join("v.jsonl");
    (directory, path)
}

/// Takes what is left of the disk.
fn fill(log: &Path) -> PathBuf {
    let ballast = log.with_file_name("ballast");
    let mut size = 0;
    while fs::write(&ballast, vec![0; size + 4096]).is_ok() {
        size += 4096;
    }
    ballast
}

#[test]
fn records_wait_for_a_disk_that_is_full() {
    let (_disk, path) = small_disk();
    let (log, thread) = open(&path);
    log.violation(&event(0), &context("bot"));
    eventually("the first record", || log.counters().written == 1);
    let ballast = fill(&path);
    for port in 1..50 {
        log.violation(&event(port), &context("bot"));
    }
    eventually("the problem", || log.problem().is_some());
    assert!(
        log.problem().unwrap().contains("No space left"),
        "{:?}",
        log.problem()
    );
    let during = log.counters();
    assert_eq!((during.recorded(), during.unwritten), (50, 0));
    assert!(during.queued > 0);
    // A shipper takes a file that shrinks for a new one, and would send it all again.
    eventually("a file that the tries leave alone", || {
        let changed = || fs::metadata(&path).unwrap().modified().unwrap();
        let before = changed();
        thread::sleep(Duration::from_millis(500));
        changed() == before
    });
    assert_eq!(accounted(&records(&path)).0, log.counters().written);

    fs::remove_file(ballast).unwrap();
    eventually("all records", || log.counters().written == 50);
    assert_eq!(log.problem(), None);
    thread.close();
    let records = records(&path);
    assert_eq!(accounted(&records), (50, 0));
    for (record, port) in records.iter().zip(0..) {
        assert_eq!(record["dst_port"].as_u64(), Some(port));
    }
}

#[test]
fn what_finds_no_room_is_counted_exactly() {
    let (_disk, path) = small_disk();
    let file = LogFile::open(&path).unwrap();
    let (log, thread) = spawn_with_capacity(file, Clock::new().unwrap(), 20_000).unwrap();
    let ballast = path.with_file_name("ballast");
    // Less is left than can wait, so the disk is full also if nothing is written until all have come.
    fs::write(&ballast, vec![0; 56 << 10]).unwrap();
    log.daemon(DaemonEvent::Start, "", 1);
    for port in 0..2000 {
        log.violation(&event(port), &context("bot"));
    }
    eventually("the problem", || log.problem().is_some());
    // Reports that cannot be written are not lost either.
    thread::sleep(Duration::from_millis(500));
    let during = log.counters();
    assert!(during.unwritten > 0 && during.queued > 0, "{during:?}");
    assert_eq!(during.recorded(), 2000);

    fs::remove_file(ballast).unwrap();
    eventually("the queue", || log.counters().queued == 0);
    log.daemon(DaemonEvent::Stop, "", 1);
    let after = thread.close();
    assert_eq!(
        (after.recorded(), after.unwritten, after.queued),
        (2000, during.unwritten, 0)
    );
    let records = records(&path);
    assert_eq!(accounted(&records), (after.written, after.unwritten));
    let of = |kind: &str| {
        records
            .iter()
            .filter(|record| record["kind"] == kind)
            .count()
    };
    assert!((1..=2).contains(&of("unwritten")), "{}", of("unwritten"));
    assert_eq!(of("daemon"), 2);
}

#[test]
fn an_end_with_a_full_disk_is_counted_exactly() {
    let (_disk, path) = small_disk();
    let (log, thread) = open(&path);
    for port in 0..500 {
        log.violation(&event(port), &context("bot"));
    }
    let counters = thread.close();
    assert_eq!((counters.recorded(), counters.queued), (500, 0));
    assert!(
        counters.unwritten > 0 && counters.written > 0,
        "{counters:?}"
    );
    assert_eq!(records(&path).len() as u64, counters.written);
}
