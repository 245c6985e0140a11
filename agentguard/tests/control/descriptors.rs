//! `agentguard run`: which descriptors the command gets.

use std::{
    fs::File,
    io::Read,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, Stdio},
};

use nix::fcntl::{FcntlArg, fcntl};

use crate::run::{agentguard, entered, server, stdout, text};

/// Gives the child this descriptor under another number, below 600.
fn give(command: &mut Command, ours: &impl AsFd, theirs: RawFd) {
    // A copy that outlives the spawn, and whose number is nobody's in the child.
    let ours = fcntl(ours, FcntlArg::F_DUPFD_CLOEXEC(600)).unwrap();
    // SAFETY: the kernel just made this descriptor, and it is nobody else's.
    let ours = unsafe { OwnedFd::from_raw_fd(ours) };
    // SAFETY: dup2 is async-signal-safe.
    unsafe {
        command.pre_exec(move || match libc::dup2(ours.as_raw_fd(), theirs) {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
}

fn tcp() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

/// The descriptors that a command run like this has. 3 is the directory that is listed.
fn descriptors(mut command: Command) -> Vec<RawFd> {
    command.args([
        "python3",
        "-c",
        "import os; print(*sorted(map(int, os.listdir('/proc/self/fd'))))",
    ]);
    stdout(command)
        .split_whitespace()
        .map(|fd| fd.parse().unwrap())
        .collect()
}

#[test]
fn descriptors_are_not_passed_on() {
    let server = server();
    let (socket, file) = (tcp(), File::open("/").unwrap());
    let mut command = agentguard(&server, &["bot"]);
    give(&mut command, &socket, 9);
    give(&mut command, &file, 200);
    assert_eq!(descriptors(command), [0, 1, 2, 3]);
}

#[test]
fn descriptors_that_are_asked_for_are_passed_on() {
    let server = server();
    let (socket, file) = (tcp(), File::open("/").unwrap());
    let mut command = agentguard(&server, &["--keep-fd", "9", "--keep-fd", "11", "bot"]);
    for fd in [8, 9, 10, 200] {
        give(&mut command, &socket, fd);
    }
    give(&mut command, &file, 11);
    assert_eq!(descriptors(command), [0, 1, 2, 3, 9, 11]);
}

#[test]
fn a_descriptor_that_is_not_open_cannot_be_kept() {
    let server = server();
    let output = agentguard(&server, &["--keep-fd", "77", "bot", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("--keep-fd 77"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(entered(&server), 0);
}

#[test]
fn a_network_socket_is_no_standard_descriptor() {
    let server = server();
    for (fd, name) in [
        (0, "standard input"),
        (1, "standard output"),
        (2, "standard error"),
    ] {
        let mut command = agentguard(&server, &["bot", "true"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        give(&mut command, &tcp(), fd);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{name}");
        // With standard error on the socket the message went there.
        let stderr = text(&output.stderr);
        assert!(
            fd == 2 || stderr.contains(&format!("{name} is a network socket")),
            "{stderr}"
        );
    }
    assert_eq!(entered(&server), 0);
    let mut command = agentguard(&server, &["--keep-fd", "0", "bot", "true"]);
    command.stdin(OwnedFd::from(tcp()));
    assert!(command.status().unwrap().success(), "it was asked for");
}

#[test]
fn a_unix_socket_is_a_standard_descriptor() {
    let server = server();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = agentguard(&server, &["bot", "echo", "hello"]);
    assert!(
        command
            .stdout(OwnedFd::from(theirs))
            .status()
            .unwrap()
            .success()
    );
    drop(command);
    let mut text = String::new();
    (&ours).read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello\n");
}
