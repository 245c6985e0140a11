//! A file that is renamed, removed, replaced and truncated.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
};

use agentguard::log::LogCounters;

use super::common::{accounted, context, event, eventually, open, records};

#[test]
fn rotation_loses_and_repeats_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (path, rotated) = (
        directory.path().join("v.jsonl"),
        directory.path().join("v.jsonl.1"),
    );
    let (log, thread) = open(&path);
    for port in 0..100 {
        log.violation(&event(port), &context("bot"));
    }
    eventually("the first records", || log.counters().written == 100);
    fs::rename(&path, &rotated).unwrap();
    for port in 100..200 {
        log.violation(&event(port), &context("bot"));
    }
    assert_eq!(thread.close().written, 200);
    let mut all = records(&rotated);
    assert_eq!(all.len(), 100);
    all.extend(records(&path));
    assert_eq!(accounted(&all), (200, 0));
    assert_eq!(all[199]["dst_port"], 199);
}

#[test]
fn rotation_amid_writing_loses_and_repeats_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let rotated = |n: u32| directory.path().join(format!("v.jsonl.{n}"));
    let (log, thread) = open(&path);
    for n in 0..20 {
        for port in 0..100 {
            log.violation(&event(port), &context("bot"));
        }
        if path.exists() {
            fs::rename(&path, rotated(n)).unwrap();
        }
    }
    assert_eq!(thread.close().written, 2000);
    let files = (0..20).map(rotated).chain([path.clone()]);
    let all: Vec<_> = files
        .filter(|file| file.exists())
        .flat_map(|file| records(&file))
        .collect();
    assert_eq!(accounted(&all), (2000, 0));
}

#[test]
fn a_log_that_was_removed_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logs/v.jsonl");
    let (log, thread) = open(&path);
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    log.violation(&event(1), &context("bot"));
    assert_eq!(thread.close().written, 1);
    assert_eq!(records(&path).len(), 1);
}

#[test]
fn reopening_needs_no_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let (log, thread) = open(&path);
    fs::rename(&path, directory.path().join("old")).unwrap();
    log.reopen();
    eventually("the new file", || path.exists());
    assert_eq!(thread.close(), LogCounters::default());
}

#[test]
fn a_link_that_is_put_in_the_place_of_the_log_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (log, thread) = open(&at("v.jsonl"));
    fs::rename(at("v.jsonl"), at("old")).unwrap();
    fs::write(at("victim"), "").unwrap();
    symlink(at("victim"), at("v.jsonl")).unwrap();
    log.violation(&event(1), &context("bot"));
    eventually("the record", || log.counters().written == 1);
    let problem = log.problem().expect("the status tells of it");
    assert!(problem.contains("symbolic link"), "{problem}");
    thread.close();
    assert_eq!(fs::metadata(at("victim")).unwrap().size(), 0);
    assert_eq!(
        records(&at("old")).len(),
        1,
        "the file that is still there has it"
    );
}

#[test]
fn a_truncated_log_has_no_hole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let (log, thread) = open(&path);
    log.violation(&event(1), &context("bot"));
    eventually("the first record", || log.counters().written == 1);
    fs::write(&path, "").unwrap();
    log.violation(&event(2), &context("bot"));
    thread.close();
    let records = records(&path);
    assert_eq!((records.len(), records[0]["seq"].as_u64()), (1, Some(2)));
}
