//! The demonstration: an agent that works, reads a poisoned document, obeys it, and cannot.
//!
//! It is a test as well: it fails if anything is not as the story says.

mod agent;
mod epilogue;
mod hosts;
mod paint;
mod services;
mod site;
mod stage;
mod step;
mod story;
mod suitable;
mod trace;
mod turns;

pub use agent::called;
pub use paint::plain;
pub use suitable::unsuitable;

use std::{path::Path, time::Instant};

use self::{
    paint::{Paint, heading, prompt, quote},
    stage::Stage,
    step::{Ended, Expected},
    story::{AGENT, SCOPE, TOLD, WORK},
    turns::Turns,
};
use crate::{
    daemon::{Daemon, Settings},
    ensure,
    error::{Error, Outcome},
};

/// Plays the story with this program `agentguard`.
pub fn play(program: &Path) -> Outcome {
    let begin = Instant::now();
    let stage = Stage::new()?;
    heading("research-bot summarises papers. Somebody has sent it this one");
    quote(site::POISONED);

    heading("Without agentguard it does as it is told");
    act(&stage, None)?;
    let stolen = stage.hosts.attacker.text();
    ensure!(
        stolen.contains(site::DATA),
        "the customer data should have arrived: {stolen}"
    );

    heading("The operator declares what research-bot may do, and starts the daemon");
    quote(SCOPE);
    prompt("agentguard daemon");
    let daemon = Daemon::start(Settings::new(program), &[(AGENT, SCOPE)])?;
    quote(&daemon.stderr());

    heading("With agentguard it does its work, and what it is told is refused");
    prompt(&format!(
        "agentguard run {AGENT} -- {}",
        stage.site.agent.display()
    ));
    act(&stage, Some(&daemon))?;

    epilogue::evidence(&daemon)?;
    epilogue::too_broad(&daemon)?;
    epilogue::tighten(&stage, &daemon)?;
    println!(
        "\n{}",
        Paint::Green.on(&format!(
            "All as it should be: {} steps of work done; {} attempts refused, each with one record, and nothing \
             came of them ({:.1} s).",
            WORK.len(),
            TOLD.len(),
            begin.elapsed().as_secs_f64()
        ))
    );
    Ok(())
}

/// Has the agent take all its steps, as an ordinary process or under the daemon, and looks at each.
fn act(stage: &Stage, daemon: Option<&Daemon>) -> Outcome {
    stage.reset()?;
    let (near, agent) = (&stage.hosts.near, &stage.site.agent);
    let mut turns = Turns::start(match daemon {
        Some(daemon) => daemon.run_as(AGENT, near, agent),
        None => near.command(agent),
    })?;
    for step in WORK.iter().chain(TOLD) {
        let moment = daemon.map(|daemon| daemon.moment(AGENT)).transpose()?;
        let error = turns.next()?;
        let seen = step.trace.look(stage)?;
        let records = match (daemon, &moment) {
            (Some(daemon), Some(moment)) => daemon.since(moment)?.violations,
            _ => Vec::new(),
        };
        let ended = Ended {
            error,
            seen,
            records,
        };
        println!("{}", step.line(&ended));
        if let Some(daemon) = daemon
            && !ended.records.is_empty()
        {
            println!(
                "           {}",
                Paint::Dim.on(&epilogue::last_line(daemon)?)
            );
        }
        let expected = match daemon {
            Some(_) => step.expected,
            None => Expected::Works,
        };
        step.judge(expected, &ended).map_err(Error::Failed)?;
    }
    turns.finish()
}
