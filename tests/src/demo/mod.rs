//! The demonstration: an agent that works, is told to leak customer data, and cannot.
//!
//! It is a test as well: it fails if anything is not as the story says.

mod hosts;
mod paint;
mod services;
mod step;
mod story;
mod tools;

pub use tools::check_tools;

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use self::{
    hosts::{DATABASE, Hosts},
    paint::{Paint, heading, prompt, quote},
    step::AGENT,
    story::{ATTACKS, BROAD, BUSY, POISON, SCOPE, TIGHTER, WORK},
};
use crate::{
    daemon::{Daemon, Settings, message},
    ensure,
    error::{Context, Outcome, failed},
    host::{Scratch, process::Running},
};

/// How long packets are waited for that must not come: longer than a first retransmission.
const SILENCE: Duration = Duration::from_millis(500);

/// Plays the story with this program `agentguard`.
pub fn play(program: &Path) -> Outcome {
    let begin = Instant::now();
    let hosts = Hosts::new()?;
    let scratch = Scratch::new()?;
    let directory = scratch.path();
    fs::write(
        directory.join("customers.json"),
        "{\"customers\":[\"Ada\",\"Grace\"]}\n",
    )
    .context("write the customer data")?;
    heading("The operator declares what research-bot may reach, and starts the daemon");
    quote(SCOPE);
    let daemon = Daemon::start(Settings::new(program), &[(AGENT, SCOPE)])?;
    heading("The agent does its work: `agentguard run research-bot -- …`");
    for step in WORK {
        step.play(&hosts, &daemon, directory)?;
    }
    heading(&format!("It reads a poisoned document: “{POISON}”"));
    for step in ATTACKS {
        step.play(&hosts, &daemon, directory)?;
    }
    evidence(&daemon)?;
    too_broad(&daemon, directory)?;
    tighten(&hosts, &daemon)?;
    println!(
        "\n{}",
        Paint::Green.on(&format!(
            "All as it should be: {} attempts refused and recorded, no packet of them arrived ({:.1} s).",
            ATTACKS.len(),
            begin.elapsed().as_secs_f64()
        ))
    );
    Ok(())
}

/// Shows a command of `agentguard` and what it prints. Fails if the exit status is another.
fn show(daemon: &Daemon, arguments: &[&str], status: i32) -> Outcome<String> {
    // Paths of the demonstration's own daemon would distract, and a real one needs none.
    let log = daemon.log().display().to_string();
    let shown = arguments.join(" ").replace(&format!(" --log {log}"), "");
    prompt(&format!("agentguard {shown}"));
    let output = daemon.cli(arguments)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    quote(&text);
    ensure!(
        output.status.code() == Some(status),
        "it should have ended with {status}: {}: {}",
        output.status,
        message(&output)
    );
    Ok(text)
}

/// What the security operations centre sees.
fn evidence(daemon: &Daemon) -> Outcome {
    heading("What the security operations centre sees");
    let log = daemon.log().display().to_string();
    let text = show(daemon, &["tail", "--agent", AGENT, "--log", &log], 0)?;
    ensure!(
        text.lines().count() == ATTACKS.len(),
        "the log should have one line for each of {} refusals",
        ATTACKS.len()
    );
    show(
        daemon,
        &[
            "tail", "--json", "--lines", "1", "--agent", AGENT, "--log", &log,
        ],
        0,
    )?;
    show(
        daemon,
        &["explain", AGENT, "connect", "203.0.113.66:80"],
        10,
    )?;
    show(
        daemon,
        &["explain", AGENT, "connect", "198.51.100.20:5432"],
        0,
    )?;
    show(daemon, &["status"], 0)?;
    let counters = daemon.status()?.counters(AGENT)?;
    ensure!(
        counters.refused == ATTACKS.len() as u64 && counters.lost == 0,
        "the kernel counted {counters:?}"
    );
    Ok(())
}

/// A scope that is wider than anybody needs is found before it is loaded.
fn too_broad(daemon: &Daemon, directory: &Path) -> Outcome {
    heading("Somebody in a hurry writes allow = [\"0.0.0.0/0\"]");
    let file = directory.join("anything-bot.toml");
    fs::write(&file, BROAD).context("write the broad scope")?;
    let text = show(daemon, &["check", &file.display().to_string()], 0)?;
    ensure!(
        text.contains("permits every IPv4 address"),
        "there should have been a warning"
    );
    Ok(())
}

/// A tighter scope cuts a connection that is open.
fn tighten(hosts: &Hosts, daemon: &Daemon) -> Outcome {
    heading("The operator takes the database away while the agent talks to it");
    let mut command = daemon.run_as(AGENT, &hosts.near, &tools::find("python3")?);
    let agent = Running::start(command.args(["-c", BUSY]))?;
    let begin = hosts.arrivals(DATABASE)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while hosts.arrivals(DATABASE)? < begin + 20 {
        ensure!(
            Instant::now() < deadline,
            "the agent should have been talking to the database"
        );
        thread::sleep(Duration::from_millis(5));
    }
    let before = hosts.arrivals(DATABASE)? - begin;
    println!("    before: {before} packets arrived at {DATABASE}, and more come");
    let moment = daemon.moment(AGENT)?;
    daemon.write_scope(AGENT, TIGHTER)?;
    show(daemon, &["reload"], 0)?;
    let stopped = hosts.arrivals(DATABASE)?;
    thread::sleep(SILENCE);
    let after = hosts.arrivals(DATABASE)? - stopped;
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
        record.text("operation") == "packet" && record.text("destination") == "198.51.100.20:5432",
        "the record should be of a packet to the database: {}",
        record.0
    );
    let repeated = happened.counters.repeated;
    println!("    one record (refused packet tcp 198.51.100.20:5432), {repeated} more counted");
    Ok(())
}
