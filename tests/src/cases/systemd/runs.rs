//! `agentguard run`: a transient scope for each instance.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Output},
    sync::Barrier,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::around::{ALLOWED, scope};
use crate::{
    cases::{
        story::{FORBIDDEN, eventually, has, only, refused, worked},
        table::scenario,
    },
    daemon::{COMMAND_LIMIT, message},
    ensure,
    error::{Outcome, failed},
    harness::{Group, Interactive, Stage},
    host::process,
    probe::Reading,
    systemd::{Service, property, scopes, systemctl},
};

const AGENT: &str = "runner";

pub(super) const GROUP: Group = Group {
    name: "runs",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("a-scope-while-it-runs-and-none-afterwards", visible),
        scenario("exit-status-and-signals", endings),
        scenario("systemctl-stops-it", stopped),
        scenario("from-an-ordinary-users-session", ordinary_user),
        scenario("a-user-who-may-not", stranger),
        scenario("after-its-slice-was-stopped", slice_stopped),
        scenario("many-at-once", many),
    ],
};

/// The daemon, with an agent that nothing declares: programs are attached to its slice alone.
pub(super) fn service() -> Outcome<Service> {
    let text = scope(AGENT, &[]).replace("units = []", "");
    Service::with(&[(AGENT, &text)])
}

/// A command as the agent, in the agents' network.
pub(super) fn run(stage: &Stage, words: &[&str]) -> Command {
    let mut command = stage.world.near.command("agentguard");
    command.args(["run", AGENT, "--"]).args(words);
    command
}

/// A technique as the agent.
pub(super) fn technique(stage: &Stage, words: &[&str]) -> Command {
    let mut command = run(stage, &[]);
    command.arg(stage.program()).arg("probe").args(words);
    command
}

/// What a technique reports.
pub(super) fn reading(command: &mut Command) -> Outcome<Reading> {
    let output = process::output(command, COMMAND_LIMIT)?;
    ensure!(
        output.status.success(),
        "the probe ended with {}: {}",
        output.status,
        message(&output)
    );
    Reading::parse(&String::from_utf8_lossy(&output.stdout))
}

fn output(stage: &Stage, words: &[&str]) -> Outcome<Output> {
    process::output(&mut run(stage, words), COMMAND_LIMIT)
}

/// The only scope of the agent that systemd lists.
fn only_scope() -> Outcome<String> {
    match scopes(AGENT)?.as_slice() {
        [unit] => Ok(unit.clone()),
        other => failed(format!("systemd lists the scopes {other:?}")),
    }
}

fn no_scope() -> Outcome {
    eventually("the scope is gone", || Ok(scopes(AGENT)?.is_empty()))
}

fn visible(stage: &Stage) -> Outcome {
    let service = service()?;
    let mark = service.mark(AGENT)?;
    let probe = Interactive::start(technique(stage, &["wait", FORBIDDEN]))?;
    let unit = only_scope()?;
    let path = format!("/agentguard.slice/{unit}");
    for (name, value) in [
        ("ActiveState", "active"),
        ("Slice", "agentguard.slice"),
        ("Description", "Agent runner (agentguard)"),
        ("Transient", "yes"),
        ("ControlGroup", path.as_str()),
    ] {
        let seen = property(&unit, name)?;
        ensure!(seen == value, "{name} of {unit} is `{seen}`, not `{value}`");
    }
    // When the host goes down the daemon is stopped after it.
    let after = property(&unit, "After")?;
    ensure!(
        after.split(' ').any(|unit| unit == "agentguard.service"),
        "{unit} is not ordered after the daemon: {after}"
    );
    refused(&probe.finish()?, "sendto")?;
    let happened = service.since(&mark)?;
    has(only(&happened)?, &[("unit", &unit), ("cgroup", &path)])?;
    worked(&reading(&mut technique(stage, &["tcp", ALLOWED]))?)?;
    no_scope()
}

fn endings(stage: &Stage) -> Outcome {
    service()?;
    let seven = output(stage, &["sh", "-c", "exit 7"])?;
    ensure!(
        seven.status.code() == Some(7),
        "exit 7 becomes {}",
        seven.status
    );
    let killed = output(stage, &["sh", "-c", "kill -USR1 $$"])?;
    ensure!(
        killed.status.signal() == Some(libc::SIGUSR1),
        "SIGUSR1 becomes {}",
        killed.status
    );
    let absent = output(stage, &["/no/such/program"])?;
    ensure!(
        absent.status.code() == Some(127),
        "a missing program becomes {}",
        absent.status
    );
    // What is sent to the process that was started reaches the command.
    let mut probe = Interactive::start(technique(stage, &["wait", FORBIDDEN]))?;
    probe.process().signal(Signal::SIGTERM)?;
    let status = probe.process().wait(COMMAND_LIMIT)?;
    ensure!(
        status.signal() == Some(libc::SIGTERM),
        "SIGTERM becomes {status}"
    );
    no_scope()
}

fn stopped(stage: &Stage) -> Outcome {
    service()?;
    let mut probe = Interactive::start(technique(stage, &["wait", FORBIDDEN]))?;
    systemctl(&["stop", &only_scope()?])?;
    let status = probe.process().wait(COMMAND_LIMIT)?;
    ensure!(
        status.signal() == Some(libc::SIGTERM),
        "a scope that is stopped ends with {status}"
    );
    no_scope()
}

/// A login session of a user, in the agents' network.
fn session(stage: &Stage, user: &str, line: &str) -> Outcome<Output> {
    let mut command = stage.world.near.command("su");
    command.args(["-l", user, "-c", line]);
    process::output(&mut command, COMMAND_LIMIT)
}

/// A member of the group `agentguard`.
fn ordinary_user(stage: &Stage) -> Outcome {
    let service = service()?;
    let cgroup = session(stage, "alice", "cat /proc/self/cgroup")?;
    let cgroup = String::from_utf8_lossy(&cgroup.stdout).into_owned();
    ensure!(
        cgroup.contains("/session-"),
        "the user has no session, but is in {cgroup}"
    );
    let mark = service.mark(AGENT)?;
    let program = stage.program().display();
    let line = format!("exec agentguard run {AGENT} -- {program} probe tcp {FORBIDDEN}");
    let output = session(stage, "alice", &line)?;
    let reading = Reading::parse(&String::from_utf8_lossy(&output.stdout))?;
    refused(&reading, "connect")?;
    let happened = service.since(&mark)?;
    let record = only(&happened)?;
    ensure!(
        record.number("uid") == Some(1000) && record.text("unit").starts_with("agentguard-runner-"),
        "not the user in a scope: {}",
        record.0
    );
    let seven = session(
        stage,
        "alice",
        &format!("agentguard run {AGENT} -- sh -c 'exit 7'"),
    )?;
    ensure!(
        seven.status.code() == Some(7),
        "exit 7 becomes {}",
        seven.status
    );
    no_scope()
}

fn stranger(stage: &Stage) -> Outcome {
    service()?;
    let line = format!("agentguard run {AGENT} -- echo started");
    let output = session(stage, "bob", &line)?;
    let said = message(&output);
    ensure!(
        output.status.code() == Some(125)
            && output.stdout.is_empty()
            && said.contains("member of the group agentguard"),
        "a stranger gets {}: {said}",
        output.status
    );
    Ok(())
}

/// Whoever stops the slice takes away what the programs are attached to. After a start, that is the
/// slice alone: what an earlier case declared needs them no more.
fn slice_stopped(stage: &Stage) -> Outcome {
    let service = service()?;
    service.restart()?;
    let mut probe = Interactive::start(technique(stage, &["wait", FORBIDDEN]))?;
    systemctl(&["stop", "agentguard.slice"])?;
    let status = probe.process().wait(COMMAND_LIMIT)?;
    ensure!(
        status.signal() == Some(libc::SIGTERM),
        "a slice that is stopped ends its agents with {status}"
    );
    for _ in 0..5 {
        let mark = service.mark(AGENT)?;
        refused(
            &reading(&mut technique(stage, &["tcp", FORBIDDEN]))?,
            "connect",
        )?;
        only(&service.since(&mark)?)?;
        systemctl(&["stop", "agentguard.slice"])?;
    }
    // The operator is told, in plain text.
    let journal = service.journal()?;
    let told = "ERROR the programs were lost with /agentguard.slice";
    ensure!(
        journal.lines().any(|line| line.starts_with(told)),
        "the journal has: {journal}"
    );
    Ok(())
}

fn many(stage: &Stage) -> Outcome {
    const COUNT: usize = 6;
    let service = service()?;
    let mark = service.mark(AGENT)?;
    // A probe dies with the thread that started it.
    let (started, listed) = (Barrier::new(COUNT + 1), Barrier::new(COUNT + 1));
    let work = || {
        let probe = Interactive::start(technique(stage, &["wait", FORBIDDEN]));
        started.wait();
        listed.wait();
        refused(&probe?.finish()?, "sendto")
    };
    let list = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..COUNT).map(|_| scope.spawn(work)).collect();
        started.wait();
        let list = scopes(AGENT);
        listed.wait();
        for thread in threads {
            thread
                .join()
                .unwrap_or_else(|_| failed("a thread panicked"))?;
        }
        list
    })?;
    ensure!(list.len() == COUNT, "systemd lists {list:?}");
    let happened = service.since(&mark)?;
    ensure!(
        happened.violations.len() == COUNT,
        "{} records: {:?}",
        happened.violations.len(),
        happened.violations
    );
    no_scope()
}

/// How long a command takes.
pub(super) fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Duration)> {
    let begun = Instant::now();
    Ok((work()?, begun.elapsed()))
}
