//! D01: a tunnel through names, by a program that people use for it.

use std::{
    io::Read,
    process::Stdio,
    time::{Duration, Instant},
};

use super::scopes::NAMED;
use crate::{
    cases::table::paired,
    ensure,
    error::{Context, Outcome},
    harness::{Group, Stage},
    host::process::Running,
    internet::Tunnel,
};

/// By which types of record it is tried.
const KINDS: &[&str] = &["NULL", "TXT", "CNAME", "MX", "SRV", "A"];
/// How long the client may take to find that it works.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long it tries as an agent: by then it works untagged.
const TRIES: Duration = Duration::from_secs(6);

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-tunnel",
    scopes: &[NAMED],
    layout: None,
    internet: true,
    cases: &[paired("D01-iodine", untagged, tagged)],
};

/// Runs the client until it says that the tunnel is there, or has tried for so long. Answers whether it is.
fn tunnels(stage: &Stage, agent: Option<&str>, kind: &str, limit: Duration) -> Outcome<bool> {
    let program = Tunnel::client()?;
    let mut command = match agent {
        Some(agent) => stage.daemon()?.run_as(agent, &stage.world.near, &program),
        None => stage.world.near.command(&program),
    };
    Tunnel::arguments(&mut command, kind);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = Running::start(&mut command)?;
    let errors = child.0.stderr.take();
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let reader = {
        let said = said.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let Some(mut errors) = errors else { return };
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]);
                if let Ok(mut said) = said.lock() {
                    said.push_str(&text);
                }
            }
        })
    };
    let deadline = Instant::now() + limit;
    let works = loop {
        let text = said.lock().map(|said| said.clone()).unwrap_or_default();
        if text.contains("Connection setup complete") {
            break true;
        }
        let ended = child.0.try_wait().context("wait for iodine")?.is_some();
        if ended || Instant::now() > deadline {
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    drop(child);
    drop(reader.join());
    Ok(works)
}

fn untagged(stage: &Stage) -> Outcome {
    let _tunnel = Tunnel::start(&stage.world)?;
    ensure!(
        tunnels(stage, None, "NULL", PATIENCE)?,
        "untagged, there is no tunnel"
    );
    Ok(())
}

/// There is none by any type, nothing of it leaves, and each attempt is counted.
fn tagged(stage: &Stage) -> Outcome {
    let _tunnel = Tunnel::start(&stage.world)?;
    let (daemon, internet) = (stage.daemon()?, stage.internet()?);
    for kind in KINDS {
        let (moment, before) = (
            daemon.moment("named")?,
            internet.says(&stage.world, "tunnel")?,
        );
        ensure!(
            !tunnels(stage, Some("named"), kind, TRIES)?,
            "there is a tunnel by {kind}"
        );
        let after = internet.says(&stage.world, "tunnel")?;
        ensure!(
            after == before,
            "{} packets leave by {kind}",
            after - before
        );
        let happened = daemon.since(&moment)?;
        ensure!(
            happened.counters.refused > 0 && !happened.violations.is_empty(),
            "no attempt by {kind} is counted: {:?}",
            happened.counters
        );
        for record in &happened.violations {
            ensure!(
                record.text("operation") == "resolve",
                "it is not about a question: {}",
                record.0
            );
        }
    }
    Ok(())
}
