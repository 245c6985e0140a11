//! `agentguard run`: status, signals, streams and terminal are the command's own; and what an
//! agent can do with the control socket: nothing.

use std::{
    io::Write,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::Stdio,
    time::Duration,
};

use nix::{pty::openpty, sys::signal::Signal};

use super::{
    scopes::{GUARDED, HOLES},
    table::scenario,
};
use crate::{
    daemon::{Status, message},
    ensure,
    error::{Context, Outcome},
    harness::{Group, Stage},
    host::process::output,
    probe::Reading,
    sys,
};

const LIMIT: Duration = Duration::from_secs(30);

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "commands",
    scopes: &[GUARDED, HOLES],
    layout: None,
    internet: false,
    cases: &[
        scenario("exit-codes", exit_codes),
        scenario("death-by-signal", signals),
        scenario("signals-reach-the-command", signal_reaches),
        scenario("standard-streams", streams),
        scenario("terminal", terminal),
        scenario("command-not-found", |stage| fails(stage, &["run", "guarded", "--", "/no/such"], 127)),
        scenario("command-not-executable", |stage| fails(stage, &["run", "guarded", "--", "/"], 126)),
        scenario("unknown-agent", |stage| fails(stage, &["run", "nobody", "--", "/bin/true"], 125)),
        scenario("daemon-not-reachable", unreachable),
        scenario("status-as-json", status_as_json),
        scenario("status-from-an-agent", |stage| from_agent(stage, &["status"], 4)),
        scenario("reload-from-an-agent", |stage| from_agent(stage, &["reload"], 4)),
        scenario("run-from-an-agent", |stage| from_agent(stage, &["run", "holes", "--", "/no/such"], 125)),
        scenario("control-socket-by-hand", by_hand),
    ],
};

fn exit_codes(stage: &Stage) -> Outcome {
    for code in ["0", "1", "42", "125", "255"] {
        let mut command = stage.tagged(stage.daemon()?, "guarded", &["exit", code]);
        let status = output(&mut command, LIMIT)?.status;
        ensure!(
            status.code().map(|code| code.to_string()).as_deref() == Some(code),
            "{code} becomes {status}"
        );
    }
    Ok(())
}

fn signals(stage: &Stage) -> Outcome {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGKILL,
        Signal::SIGPIPE,
        Signal::SIGUSR1,
    ] {
        let mut command = stage.tagged(stage.daemon()?, "guarded", &["raise", signal.as_str()]);
        let status = output(&mut command, LIMIT)?.status;
        // A Rust program ignores SIGPIPE: raising it changes nothing there.
        let expected = (signal != Signal::SIGPIPE).then_some(signal as i32);
        ensure!(status.signal() == expected, "{signal} becomes {status}");
    }
    Ok(())
}

/// The command has the process id that `agentguard run` had.
fn signal_reaches(stage: &Stage) -> Outcome {
    let mut probe = stage.begin_tagged(stage.daemon()?, "guarded", &["wait", "10.77.0.2:7001"])?;
    probe.process().signal(Signal::SIGINT)?;
    let status = probe.process().wait(LIMIT)?;
    ensure!(
        status.signal() == Some(Signal::SIGINT as i32),
        "SIGINT becomes {status}"
    );
    Ok(())
}

fn streams(stage: &Stage) -> Outcome {
    let mut command = stage.tagged(stage.daemon()?, "guarded", &["copy"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("start a copy")?;
    let text = b"what goes in\0comes out".repeat(100);
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&text)?;
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.stdout == text,
        "{} bytes come out of {}",
        output.stdout.len(),
        text.len()
    );
    ensure!(
        output.stderr == b"copied\n",
        "standard error: {}",
        message(&output)
    );
    Ok(())
}

fn terminal(stage: &Stage) -> Outcome {
    let pty = openpty(None, None).context("make a terminal")?;
    let mut command = stage.tagged(stage.daemon()?, "guarded", &["terminal"]);
    let duplicate = || -> Outcome<Stdio> { Ok(pty.slave.try_clone()?.into()) };
    command
        .stdin(duplicate()?)
        .stdout(Stdio::piped())
        .stderr(duplicate()?);
    // SAFETY: between fork and exec only setsid and ioctl are called, which are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            sys::check(libc::setsid())?;
            sys::check(libc::ioctl(0, libc::TIOCSCTTY, 0)).map(drop)
        });
    }
    let child = command.spawn().context("start on a terminal")?;
    let reading = Reading::parse(&String::from_utf8_lossy(&child.wait_with_output()?.stdout))?;
    for (stream, expected) in [
        ("stdin", true),
        ("stdout", false),
        ("stderr", true),
        ("foreground", true),
    ] {
        ensure!(
            reading.facts.get(stream) == Some(&expected.into()),
            "{stream} should be {expected}: {reading:?}"
        );
    }
    Ok(())
}

/// agentguard fails with this code and says why in one line.
fn fails(stage: &Stage, arguments: &[&str], code: i32) -> Outcome {
    let output = stage.daemon()?.cli(arguments)?;
    ensure!(
        output.status.code() == Some(code),
        "it ends with {}: {}",
        output.status,
        message(&output)
    );
    ensure!(
        message(&output).lines().count() == 1,
        "not one line: {}",
        message(&output)
    );
    Ok(())
}

/// The command prints what the daemon answers.
fn status_as_json(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let output = daemon.cli(&["status", "--json"])?;
    ensure!(output.status.success(), "it ends with {}", output.status);
    let (printed, asked) = (Status::parse(&output.stdout)?, daemon.status()?);
    for agent in ["guarded", "holes"] {
        ensure!(
            printed.counters(agent)? == asked.counters(agent)?,
            "{agent} differs: {printed:?} {asked:?}"
        );
    }
    Ok(())
}

fn unreachable(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    for (arguments, code) in [
        (&["status"][..], 4),
        (&["reload"][..], 4),
        (&["run", "guarded", "--", "/bin/true"][..], 125),
    ] {
        let mut command = daemon.command(arguments);
        command.env("AGENTGUARD_SOCKET", "/nowhere/agentguard.sock");
        let output = output(&mut command, LIMIT)?;
        ensure!(
            output.status.code() == Some(code),
            "{arguments:?}: {output:?}"
        );
    }
    Ok(())
}

/// A command of agentguard, run by an agent.
fn from_agent(stage: &Stage, arguments: &[&str], code: i32) -> Outcome {
    let daemon = stage.daemon()?;
    let mut command = daemon.run_as("guarded", &stage.world.near, &daemon.settings().program);
    let output = output(command.args(arguments), LIMIT)?;
    ensure!(
        output.status.code() == Some(code),
        "it ends with {}: {}",
        output.status,
        message(&output)
    );
    Ok(())
}

fn by_hand(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let socket = daemon.socket().display().to_string();
    for request in [
        "GET /v1/status",
        "GET /v1/agents/holes",
        "POST /v1/reload",
        "POST /v1/agents/holes/enter",
        "GET /v1/explain?agent=holes&to=10.77.0.3:7001",
    ] {
        let control = stage.try_untagged(&["control-socket", &socket, request])?;
        let answer = |reading: &Reading| {
            let answer = reading
                .facts
                .get("answer")
                .and_then(serde_json::Value::as_str);
            answer.unwrap_or_default().to_owned()
        };
        ensure!(
            answer(&control).contains(" 200"),
            "untagged: {request}: {}",
            answer(&control)
        );
        let reading = stage.try_tagged(daemon, "guarded", &["control-socket", &socket, request])?;
        let refused = answer(&reading);
        // The daemon hangs up on an agent before it reads anything.
        ensure!(
            refused.is_empty(),
            "an agent is answered: {request}: {refused}"
        );
    }
    Ok(())
}
