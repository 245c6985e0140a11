//! What the operator and the security operations centre make of it.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    agent::TALK,
    hosts::MODEL,
    paint::{heading, prompt, quote, quote_record},
    stage::Stage,
    story::{AGENT, BROAD, TOLD, tighter},
};
use crate::{
    daemon::{COMMAND_LIMIT, Daemon, message},
    ensure,
    error::{Context, Outcome, failed},
    host::{Scratch, process, process::Running},
};

/// How long packets are waited for that must not come: longer than a first retransmission.
const SILENCE: Duration = Duration::from_millis(500);

/// Runs a command of `agentguard` and answers what it prints. Fails if the exit status is another.
fn run(mut command: Command, status: i32) -> Outcome<String> {
    let output = process::output(&mut command, COMMAND_LIMIT)?;
    ensure!(
        output.status.code() == Some(status),
        "{command:?} should have ended with {status}: {}: {}",
        output.status,
        message(&output)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The same, for everybody to see.
fn show(daemon: &Daemon, arguments: &[&str], status: i32) -> Outcome {
    prompt(&format!("agentguard {}", arguments.join(" ")));
    let text = run(daemon.command(arguments), status)?;
    // Paths of the demonstration's own would distract.
    let scopes = daemon.scope_file("").with_file_name("");
    quote(&text.replace(&scopes.display().to_string(), ""));
    Ok(())
}

/// The agent's last record, as `agentguard tail` shows it.
pub(super) fn last_line(daemon: &Daemon) -> Outcome<String> {
    let text = run(tail(daemon, &[]), 0)?;
    Ok(text.trim_end().to_owned())
}

/// Shows the agent's last record.
fn tail(daemon: &Daemon, options: &[&str]) -> Command {
    let mut command = daemon.command(&["tail", "--agent", AGENT, "--lines", "1"]);
    command.args(options).arg("--log").arg(daemon.log());
    command
}

/// What the security operations centre sees.
pub(super) fn evidence(daemon: &Daemon) -> Outcome {
    heading("What the security operations centre sees of the upload, and what explains it");
    prompt(&format!("agentguard tail --agent {AGENT} --lines 1 --json"));
    quote_record(&run(tail(daemon, &["--json"]), 0)?);
    for (question, status) in [
        (["connect", "203.0.113.66:80"], 10),
        (["connect", "192.0.2.10:80"], 0),
        (["open", "/srv/customers/customers.json"], 10),
    ] {
        let arguments = [&["explain", AGENT], &question[..]].concat();
        show(daemon, &arguments, status)?;
    }
    show(daemon, &["status"], 0)?;
    let records = daemon.violations(0)?.len();
    let counters = daemon.status()?.counters(AGENT)?;
    ensure!(
        records == TOLD.len() && counters.refused == records as u64 && counters.lost == 0,
        "there are {records} records for {} attempts, and the kernel counted {counters:?}",
        TOLD.len()
    );
    Ok(())
}

/// A scope that is wider than anybody needs is found before it is loaded.
pub(super) fn too_broad(daemon: &Daemon) -> Outcome {
    heading("Somebody in a hurry writes allow = [\"0.0.0.0/0\"] and write = [\"/**\"]");
    let scratch = Scratch::new()?;
    let file = scratch.path().join("anything-bot.toml");
    fs::write(&file, BROAD).context("write the broad scope")?;
    prompt("agentguard check anything-bot.toml");
    let mut command = daemon.command(&["check", "anything-bot.toml"]);
    command.current_dir(scratch.path());
    let text = run(command, 0)?;
    quote(&text);
    for warning in ["permits every IPv4 address", "\"write /**\""] {
        ensure!(text.contains(warning), "it should have said {warning}");
    }
    Ok(())
}

/// A tighter scope cuts a connection that is open.
pub(super) fn tighten(stage: &Stage, daemon: &Daemon) -> Outcome {
    heading("The operator takes the model away while the agent talks to it");
    stage.reset()?;
    let mut command = daemon.run_as(AGENT, &stage.hosts.near, &stage.site.agent);
    let agent = Running::start(command.arg(TALK))?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while stage.packets(MODEL)? < 20 {
        ensure!(
            Instant::now() < deadline,
            "the agent should have been talking to the model"
        );
        thread::sleep(Duration::from_millis(5));
    }
    println!(
        "    before: {} packets arrived at {MODEL}, and more come",
        stage.packets(MODEL)?
    );
    let moment = daemon.moment(AGENT)?;
    daemon.write_scope(AGENT, &tighter())?;
    show(daemon, &["reload"], 0)?;
    let stopped = stage.packets(MODEL)?;
    thread::sleep(SILENCE);
    let after = stage.packets(MODEL)? - stopped;
    println!("    after: {after} packets in {} ms", SILENCE.as_millis());
    ensure!(after == 0, "no packet should have arrived after the reload");
    drop(agent);
    let happened = daemon.since(&moment)?;
    let [record] = happened.violations.as_slice() else {
        return failed(format!(
            "there should be one record more: {:?}",
            happened.violations
        ));
    };
    ensure!(
        record.text("operation") == "packet" && record.text("destination") == "192.0.2.10:80",
        "the record should be of a packet to the model: {}",
        record.0
    );
    let repeated = happened.counters.repeated;
    println!("    one record (refused packet tcp 192.0.2.10:80), {repeated} more packets counted");
    Ok(())
}
