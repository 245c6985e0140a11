//! The command line: exit codes and messages.

use std::{
    io::{Read, Write},
    os::unix::{net::UnixListener, process::CommandExt},
    path::Path,
    process::{Command, Output, Stdio},
    sync::atomic::Ordering::SeqCst,
};

use crate::support::{Fake, Server};
use agentguard::control::{api::LastReload, limits::Limits, peer::Peer};

fn agentguard(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentguard"));
    command
        .args(arguments)
        .env("AGENTGUARD_SOCKET", socket)
        .stdin(Stdio::null());
    command
}

/// Exit code, standard output and standard error.
fn run(mut command: Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

#[test]
fn without_a_daemon_it_says_how_to_start_it() {
    let directory = tempfile::tempdir().unwrap();
    let stale = directory.path().join("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    for socket in [directory.path().join("absent.sock"), stale] {
        let (code, stdout, stderr) = run(agentguard(&socket, &["status"]));
        assert_eq!((code, stdout.as_str()), (4, ""));
        assert!(
            stderr.contains("agentguard daemon") && stderr.lines().count() == 1,
            "{stderr}"
        );
        assert_eq!(run(agentguard(&socket, &["run", "bot", "true"])).0, 125);
    }
}

#[test]
fn others_than_root_and_the_group_are_kept_out() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "the test becomes another user: run it as root"
    );
    let server = Server::start(Fake::default(), Limits::default());
    // The directory is the test's own; the socket's permissions are what is tested.
    let directory = server.socket().parent().unwrap();
    std::fs::set_permissions(
        directory,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    // So that the other user can execute it.
    let copy = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let binary = copy.path().join("agentguard");
    std::fs::copy(env!("CARGO_BIN_EXE_agentguard"), &binary).unwrap();
    let mut command = Command::new(&binary);
    command
        .arg("status")
        .env("AGENTGUARD_SOCKET", server.socket())
        .uid(65534)
        .gid(65534);
    let (code, stdout, stderr) = run(command);
    assert_eq!((code, stdout.as_str()), (5, ""), "{stderr}");
    assert!(stderr.contains("group agentguard"), "{stderr}");
    assert_eq!(server.backend.asked.load(SeqCst), 0);
}

#[test]
fn an_agent_is_told_that_it_may_not_speak() {
    let server = Server::start(Fake::default(), Limits::default());
    server.backend.tagged.store(true, SeqCst);
    let (code, stdout, stderr) = run(agentguard(server.socket(), &["status"]));
    assert_eq!((code, stdout.as_str()), (4, ""));
    assert!(stderr.contains("belongs to an agent"), "{stderr}");
}

#[test]
fn an_answer_that_is_none_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agentguard.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
    ];
    let thread = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
            stream.write_all(answer.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    for _ in answers {
        let (code, _, stderr) = run(agentguard(&socket, &["status"]));
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains("is not agentguard's"), "{stderr}");
    }
    thread.join().unwrap();
}

#[test]
fn status_is_for_people_and_for_programs() {
    let server = Server::start(Fake::default(), Limits::default());
    let (code, stdout, _) = run(agentguard(server.socket(), &["status"]));
    assert_eq!(code, 0);
    assert!(
        stdout.contains("bot-0") && stdout.contains("enforce"),
        "{stdout}"
    );
    let (code, stdout, _) = run(agentguard(server.socket(), &["status", "bot-0"]));
    assert_eq!(code, 0);
    assert!(
        stdout.contains("team\u{fffd}[31m@example.com"),
        "no escape is passed on: {stdout}"
    );
    let (code, stdout, _) = run(agentguard(server.socket(), &["status", "--json"]));
    assert_eq!(code, 0);
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(status["agents"][0]["counters"]["refused"], 0);
    let (code, _, stderr) = run(agentguard(server.socket(), &["status", "../x y"]));
    assert_eq!(code, 1);
    assert!(stderr.contains("no agent '../x y' is declared"), "{stderr}");
}

#[test]
fn status_says_when_the_scopes_on_disk_are_not_in_force() {
    let server = Server::start(Fake::default(), Limits::default());
    let mut last = LastReload {
        time: "2026-11-22T10:00:00Z".into(),
        ok: false,
        errors: vec!["a.toml:3:1: bad".into()],
    };
    *server.backend.last_reload.lock().unwrap() = Some(last.clone());
    let (code, stdout, _) = run(agentguard(server.socket(), &["status"]));
    assert_eq!(code, 7, "{stdout}");
    assert!(
        stdout.contains("FAILED, nothing changed\n  a.toml:3:1: bad"),
        "{stdout}"
    );
    let (code, stdout, _) = run(agentguard(server.socket(), &["status", "--json"]));
    assert_eq!(code, 7, "{stdout}");
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(status["last_reload"]["ok"], false);
    assert_eq!(status["last_reload"]["errors"][0], "a.toml:3:1: bad");

    (last.ok, last.errors) = (true, Vec::new());
    *server.backend.last_reload.lock().unwrap() = Some(last);
    let (code, stdout, _) = run(agentguard(server.socket(), &["status"]));
    assert_eq!(code, 0, "{stdout}");
}

#[test]
fn a_reload_lists_what_is_wrong() {
    let server = Server::start(Fake::default(), Limits::default());
    let (code, stdout, _) = run(agentguard(server.socket(), &["reload"]));
    assert_eq!(
        (code, stdout.as_str()),
        (0, "1 agent is declared\n  changed: bot-0\n")
    );
    *server.backend.errors.lock().unwrap() = vec!["a.toml:3:1: bad".into(), "b.toml: no".into()];
    let (code, stdout, stderr) = run(agentguard(server.socket(), &["reload"]));
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert_eq!(
        stderr,
        "agentguard: nothing was reloaded: the scopes have 2 errors\n\
         agentguard: a.toml:3:1: bad\n\
         agentguard: b.toml: no\n"
    );
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let backend = Fake {
        agents: 10_000,
        ..Fake::default()
    };
    let server = Server::start(backend, Limits::default());
    let mut child = agentguard(server.socket(), &["status"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_full_disk_is_a_failure() {
    let server = Server::start(Fake::default(), Limits::default());
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = agentguard(server.socket(), &["status"]);
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("No space left")
    );
}

#[test]
fn a_wrong_command_line_is_2_and_for_run_125() {
    let nowhere = Path::new("/nonexistent");
    for arguments in [
        &["frobnicate"][..],
        &["status", "a", "b"],
        &["reload", "--jsn"],
        &[],
    ] {
        assert_eq!(run(agentguard(nowhere, arguments)).0, 2, "{arguments:?}");
    }
    for arguments in [
        &["run"][..],
        &["run", "bot"],
        &["run", "--keep-fd", "x", "bot", "true"],
    ] {
        assert_eq!(run(agentguard(nowhere, arguments)).0, 125, "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let (code, stdout, _) = run(agentguard(nowhere, arguments));
        assert!(code == 0 && !stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_peer_is_known_until_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agentguard.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = agentguard(&socket, &["status"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let peer = Peer::of(&stream).unwrap();
    assert_eq!(u32::try_from(peer.pid()).unwrap(), child.id());
    assert_eq!(peer.uid(), nix::unistd::geteuid().as_raw());
    assert!(peer.is_alive().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!peer.is_alive().unwrap());
}

#[test]
fn bash_completes_verbs_and_options() {
    let (code, script, stderr) = run(agentguard(Path::new("/"), &["completions", "bash"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let completed = |words: &str, index: u32| {
        let mut shell = Command::new("bash");
        shell.args(["--norc", "-c"]).arg(format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={index}\n\
             _agentguard agentguard \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             echo \"${{COMPREPLY[*]}}\""
        ));
        let (code, stdout, stderr) = run(shell);
        assert_eq!((code, stderr.as_str()), (0, ""));
        stdout
    };
    assert_eq!(completed("agentguard sta", 1), "status\n");
    assert_eq!(completed("agentguard tail --fol", 2), "--follow\n");
    assert_eq!(completed("agentguard completions f", 2), "fish\n");
}

#[test]
fn the_completions_of_every_shell_name_every_verb() {
    let (_, help, _) = run(agentguard(Path::new("/"), &["--help"]));
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.contains(&"completions"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = run(agentguard(Path::new("/"), &["completions", shell]));
        assert_eq!(code, 0);
        for verb in &verbs {
            assert!(script.contains(verb), "{shell} does not know {verb}");
        }
    }
    let (code, _, _) = run(agentguard(Path::new("/"), &["completions", "tcsh"]));
    assert_eq!(code, 2);
}
