//! `agentguard run`: the command gets what it would get without it, and nothing more.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::{
        fd::AsRawFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Command, Output, Stdio},
};

use agentguard::control::limits::Limits;
use nix::{
    pty::openpty,
    sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask},
};

use crate::support::{Cgroup, Fake, Server};

pub(crate) fn server() -> Server {
    let backend = Fake {
        cgroup: Some(Cgroup::new()),
        ..Fake::default()
    };
    Server::start(backend, Limits::default())
}

pub(crate) fn entered(server: &Server) -> u32 {
    server.backend.cgroup.as_ref().unwrap().instances()
}

pub(crate) fn agentguard<S: AsRef<OsStr>>(server: &Server, arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentguard"));
    command
        .arg("run")
        .args(arguments)
        .env("AGENTGUARD_SOCKET", server.socket())
        .stdin(Stdio::null());
    command
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Standard output of a command that is expected to end well.
pub(crate) fn stdout(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(status.success(), "{status}: {}", text(&stderr));
    text(&stdout).to_owned()
}

#[test]
fn the_command_is_in_the_instance() {
    let server = server();
    let cgroups = stdout(agentguard(
        &server,
        &["bot", "--", "cat", "/proc/self/cgroup"],
    ));
    let line = cgroups
        .lines()
        .find(|line| line.starts_with("0::"))
        .unwrap();
    let ours = format!("0::/agentguard-test-{}-", std::process::id());
    assert!(line.starts_with(&ours) && line.ends_with("/0"), "{line}");
}

#[test]
fn exit_codes_and_signals_are_the_command_s() {
    let server = server();
    for (script, code, signal) in [
        ("exit 0", Some(0), None),
        ("exit 42", Some(42), None),
        ("exit 255", Some(255), None),
        ("kill -TERM $$", None, Some(15)),
        ("kill -KILL $$", None, Some(9)),
    ] {
        let status = agentguard(&server, &["bot", "sh", "-c", script])
            .status()
            .unwrap();
        assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
    }
}

#[test]
fn the_command_is_the_process_that_was_started() {
    let server = server();
    let child = agentguard(&server, &["bot", "sh", "-c", "echo $$"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout).trim(), id.to_string());
}

#[test]
fn options_after_the_command_are_the_command_s() {
    let server = server();
    for arguments in [
        &["bot", "echo", "--keep-fd", "--", "-x", "--help"][..],
        &["bot", "--", "echo", "--keep-fd", "--", "-x", "--help"],
    ] {
        assert_eq!(
            stdout(agentguard(&server, arguments)),
            "--keep-fd -- -x --help\n"
        );
    }
    let child = agentguard(&server, &["bot", "--socket", "/nonexistent", "true"])
        .output()
        .unwrap();
    assert_eq!(child.status.code(), Some(125));
    assert!(
        text(&child.stderr).contains("/nonexistent"),
        "before the command it is ours"
    );
}

#[test]
fn what_cannot_be_executed_is_126_or_127() {
    let server = server();
    for (name, code) in [
        ("no-such-command", 127),
        ("/no/such/file", 127),
        ("/etc/passwd", 126),
        ("/", 126),
    ] {
        let output = agentguard(&server, &["bot", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}");
        let stderr = text(&output.stderr);
        assert!(
            stderr.starts_with(&format!("agentguard: {name}: ")),
            "{stderr}"
        );
    }
}

#[test]
fn unless_it_is_confined_the_command_does_not_start() {
    let mark = tempfile::tempdir().unwrap();
    let file = mark.path().join("started");
    let touch = |server: &Server, agent: &str| {
        let arguments = [OsStr::new(agent), OsStr::new("touch"), file.as_os_str()];
        agentguard(server, &arguments).output().unwrap()
    };
    // A daemon that says it moved the process, and did not.
    let liar = Server::start(Fake::default(), Limits::default());
    let output = touch(&liar, "bot");
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("not confined"),
        "{}",
        text(&output.stderr)
    );
    let server = server();
    let output = touch(&server, "nobody");
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("no agent 'nobody'"),
        "{}",
        text(&output.stderr)
    );
    assert!(!file.exists());
    assert!(touch(&server, "bot").status.success());
    assert!(file.exists());
}

#[test]
fn signals_are_as_they_were() {
    let server = server();
    let mut command = agentguard(&server, &["bot", "cat", "/proc/self/status"]);
    // SAFETY: both functions are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            let mut mask = SigSet::empty();
            mask.add(Signal::SIGUSR1);
            sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None)?;
            signal(Signal::SIGHUP, SigHandler::SigIgn)?;
            Ok(())
        });
    }
    let status = stdout(command);
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    let field = |status: &str, name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    let bit = |signal: Signal| 1_u64 << (signal as i32 - 1);
    assert_eq!(field(&status, "SigBlk:"), bit(Signal::SIGUSR1));
    // This process is Rust's too, and ignores SIGPIPE.
    let ignored = field(&ours, "SigIgn:") & !bit(Signal::SIGPIPE) | bit(Signal::SIGHUP);
    assert_eq!(
        field(&status, "SigIgn:"),
        ignored,
        "SIGPIPE is not ignored, SIGHUP still is"
    );
}

#[test]
fn the_terminal_is_the_command_s() {
    let server = server();
    let pty = openpty(None, None).unwrap();
    let name = fs::read_link(format!("/proc/self/fd/{}", pty.slave.as_raw_fd())).unwrap();
    let mut command = agentguard(
        &server,
        &["bot", "sh", "-c", "tty; read line; echo got $line"],
    );
    command
        .stdin(pty.slave.try_clone().unwrap())
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut master = File::from(pty.master);
    master.write_all(b"a line\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        text(&output.stdout),
        format!("{}\ngot a line\n", name.display())
    );
}
