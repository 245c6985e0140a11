//! Whatever a path turns out to be.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::lines;
use crate::policy::{Host, MAX_FILE_BYTES, PolicyError, load_dir, load_file};

const GOOD: &str = "[agent]\nname = \"a\"\n";

/// The only error of a file, without its directory.
fn error(path: &Path) -> String {
    only(
        path,
        load_file(path, &Host).map(|scope| format!("{scope:?}")),
    )
}

fn only(path: &Path, found: Result<String, Vec<PolicyError>>) -> String {
    let errors = found.unwrap_err();
    assert_eq!(errors.len(), 1, "{}", lines(&errors));
    lines(&errors).replace(&format!("{}/", path.parent().unwrap().display()), "")
}

/// A file with a good scope, made as long as is asked by a comment.
fn long(directory: &Path, bytes: u64) -> PathBuf {
    let file = directory.join("long.toml");
    let comment = "#".repeat(usize::try_from(bytes).unwrap() - GOOD.len());
    fs::write(&file, format!("{GOOD}{comment}")).unwrap();
    file
}

#[test]
fn long_files_are_refused_before_they_are_read() {
    let directory = tempfile::tempdir().unwrap();
    assert!(load_file(&long(directory.path(), MAX_FILE_BYTES), &Host).is_ok());
    assert_eq!(
        error(&long(directory.path(), MAX_FILE_BYTES + 1)),
        "long.toml: is longer than a scope can be: 1048577 bytes; expected at most 1048576"
    );
    assert_eq!(
        error(&long(directory.path(), 10_000_000)),
        "long.toml: is longer than a scope can be: 10000000 bytes; expected at most 1048576"
    );
}

#[test]
fn endless_files_are_not_read_to_their_end() {
    // A regular file of procfs that says its length is 0.
    let error = lines(&load_file(Path::new("/proc/kallsyms"), &Host).unwrap_err());
    assert_eq!(
        error,
        "/proc/kallsyms: is longer than a scope can be: 1048577 bytes; expected at most 1048576"
    );
}

#[test]
fn only_regular_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);

    fs::create_dir(path("d.toml")).unwrap();
    assert_eq!(
        error(&path("d.toml")),
        "d.toml: is a directory; expected a regular file"
    );

    mkfifo(&path("f.toml"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    assert_eq!(
        error(&path("f.toml")),
        "f.toml: is a FIFO; expected a regular file"
    );

    assert_eq!(
        lines(&load_file(Path::new("/dev/zero"), &Host).unwrap_err()),
        "/dev/zero: is a device; expected a regular file"
    );

    let _socket = std::os::unix::net::UnixListener::bind(path("s.toml")).unwrap();
    assert_eq!(
        error(&path("s.toml")),
        "s.toml: cannot be read: No such device or address (os error 6)"
    );

    assert_eq!(
        error(&path("none.toml")),
        "none.toml: cannot be read: No such file or directory (os error 2)"
    );
    std::os::unix::fs::symlink("none.toml", path("dangling.toml")).unwrap();
    assert_eq!(
        error(&path("dangling.toml")),
        "dangling.toml: cannot be read: No such file or directory (os error 2)"
    );
    std::os::unix::fs::symlink("loop.toml", path("loop.toml")).unwrap();
    assert_eq!(
        error(&path("loop.toml")),
        "loop.toml: cannot be read: Too many levels of symbolic links (os error 40)"
    );
}

#[test]
fn other_encodings_have_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("latin.toml");
    fs::write(
        &file,
        b"[agent]\nname = \"a\"\nowner = \"\xc3\xa9 J\xe9r\"\n",
    )
    .unwrap();
    assert_eq!(
        error(&file),
        "latin.toml:3:13: is not UTF-8 text from here on; save the file as UTF-8"
    );
    fs::write(&file, b"\xff\xfe[\0a\0").unwrap();
    assert_eq!(
        error(&file),
        "latin.toml:1:1: is not UTF-8 text from here on; save the file as UTF-8"
    );
}

#[test]
fn a_directory_is_read_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    assert_eq!(load_dir(directory.path(), &Host).unwrap(), []);
    for (file, agent) in [("b.toml", "b"), ("a.toml", "z"), ("c.toml", "a")] {
        fs::write(path(file), format!("[agent]\nname = \"{agent}\"\n")).unwrap();
    }
    fs::write(path(".hidden.toml"), "no scope").unwrap();
    fs::write(path("notes.txt"), "no scope").unwrap();
    fs::write(path("b.toml~"), "no scope").unwrap();
    fs::create_dir(path("old")).unwrap();
    std::os::unix::fs::symlink("notes.txt", path("ignored")).unwrap();
    let names = |directory: &Path| {
        let scopes = load_dir(directory, &Host).unwrap();
        scopes
            .into_iter()
            .map(|scope| scope.agent.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(directory.path()), ["z", "b", "a"]);

    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(path("b.toml"), elsewhere.path().join("link.toml")).unwrap();
    assert_eq!(names(elsewhere.path()), ["b"]);
}

#[test]
fn one_bad_file_spoils_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("good.toml"), GOOD).unwrap();
    mkfifo(&path("x.toml"), Mode::S_IRUSR).unwrap();
    fs::create_dir(path("y.toml")).unwrap();
    std::os::unix::fs::symlink("none", path("z.toml")).unwrap();
    let errors = lines(&load_dir(directory.path(), &Host).unwrap_err());
    assert_eq!(
        errors.replace(&format!("{}/", directory.path().display()), ""),
        "x.toml: is a FIFO; expected a regular file\n\
         y.toml: is a directory; expected a regular file\n\
         z.toml: cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_directory_that_is_none_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let none = directory.path().join("agents.d");
    let found = |path: &Path| {
        only(
            path,
            load_dir(path, &Host).map(|scopes| format!("{scopes:?}")),
        )
    };
    assert_eq!(
        found(&none),
        "agents.d: cannot be read: No such file or directory (os error 2)"
    );
    fs::write(&none, "").unwrap();
    assert_eq!(
        found(&none),
        "agents.d: cannot be read: Not a directory (os error 20)"
    );
}

#[test]
fn a_directory_holds_as_many_files_as_the_daemon_agents() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..4097 {
        fs::write(directory.path().join(format!("{number}.toml")), "").unwrap();
    }
    let found = load_dir(directory.path(), &Host).map(|scopes| format!("{scopes:?}"));
    let name = directory.path().file_name().unwrap().display();
    assert_eq!(
        only(directory.path(), found),
        format!("{name}: holds 4097 scope files; expected at most 4096")
    );
}
