//! Whatever becomes of a scope file is seen without reading it.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::{Duration, Instant},
};

use crate::policy::Snapshot;

/// Whether the directory looks another way after a change.
fn changes(directory: &Path, change: impl FnOnce(&Path)) -> bool {
    let before = Snapshot::take(directory);
    assert_eq!(before, Snapshot::take(directory), "nothing happened yet");
    // The clock of file systems moves in steps of some milliseconds.
    std::thread::sleep(Duration::from_millis(20));
    change(directory);
    Snapshot::take(directory) != before
}

/// A directory with `a.toml`.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.toml"), "one").unwrap();
    directory
}

#[test]
fn files_that_change() {
    let all = directory();
    let all = all.path();
    assert!(changes(all, |it| fs::write(it.join("a.toml"), "two").unwrap()));
    assert!(changes(all, |it| fs::write(it.join("b.toml"), "two").unwrap()));
    assert!(changes(all, |it| fs::remove_file(it.join("b.toml")).unwrap()));
    assert!(changes(all, |it| {
        fs::rename(it.join("a.toml"), it.join("c.toml")).unwrap();
    }));
    assert!(changes(all, |it| {
        fs::set_permissions(it.join("c.toml"), PermissionsExt::from_mode(0o600)).unwrap();
    }));
    // As an editor does it, and with the times of the file that it replaces.
    assert!(changes(all, |it| {
        fs::write(it.join("c.toml~"), "two").unwrap();
        let times = fs::metadata(it.join("c.toml")).unwrap().modified().unwrap();
        let new = File::options().write(true).open(it.join("c.toml~"));
        new.unwrap().set_modified(times).unwrap();
        fs::rename(it.join("c.toml~"), it.join("c.toml")).unwrap();
    }));
}

#[test]
fn what_is_no_scope() {
    let all = directory();
    for name in [".a.toml", "a.toml~", "a.txt"] {
        assert!(
            !changes(all.path(), |it| fs::write(it.join(name), "two").unwrap()),
            "{name}"
        );
    }
}

#[test]
fn files_behind_links() {
    let all = directory();
    let all = all.path();
    fs::create_dir(all.join("v1")).unwrap();
    fs::create_dir(all.join("v2")).unwrap();
    fs::write(all.join("v1/l.toml"), "one").unwrap();
    fs::write(all.join("v2/l.toml"), "one").unwrap();
    symlink("v1", all.join("..data")).unwrap();
    symlink("..data/l.toml", all.join("l.toml")).unwrap();
    assert!(changes(all, |it| fs::write(it.join("v1/l.toml"), "two").unwrap()));
    assert!(changes(all, |it| {
        symlink("v2", it.join("..new")).unwrap();
        fs::rename(it.join("..new"), it.join("..data")).unwrap();
    }));
    assert!(changes(all, |it| fs::remove_file(it.join("v2/l.toml")).unwrap()));
    assert!(changes(all, |it| fs::remove_file(it.join("l.toml")).unwrap()));
}

#[test]
fn another_directory_in_its_place() {
    let parent = tempfile::tempdir().unwrap();
    let all = parent.path().join("agents.d");
    fs::create_dir(&all).unwrap();
    fs::write(all.join("a.toml"), "one").unwrap();
    assert!(changes(&all, |it| {
        fs::rename(it, it.with_extension("old")).unwrap();
    }));
    assert!(changes(&all, |it| fs::create_dir(it).unwrap()));
    assert!(changes(&all, |it| {
        fs::remove_dir(it).unwrap();
        fs::rename(it.with_extension("old"), it).unwrap();
    }));
}

/// What the daemon does once a second. `cargo test --release -p agentguard --lib -- --ignored --nocapture thousand`.
#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn a_thousand_files() {
    const ROUNDS: u32 = 200;

    let directory = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        let file = directory.path().join(format!("agent-{number}.toml"));
        fs::write(file, "[agent]\n").unwrap();
    }
    let first = Snapshot::take(directory.path());
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        assert_eq!(Snapshot::take(directory.path()), first);
    }
    let each = begun.elapsed() / ROUNDS;
    println!("1000 files: {each:?}");
    assert!(each < Duration::from_millis(10), "{each:?}");
}
