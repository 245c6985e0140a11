//! What rules by name cost: the daemon's resolver, addresses that were learned, and the look at TLS.
//!
//! Questions are asked by an agent and by somebody else, in turn; what the agent waits longer is the resolver's. Connections
//! are those of three agents, which may reach the same place by its address, by its name, and by its name if TLS says it.
//! They work in short blocks, in turn; a figure is the median of the ratios to the first of many rounds.

mod hello;
mod operation;
mod report;
mod server;
mod work;

use std::{process::ExitCode, time::Duration};

use self::{
    operation::Operation,
    report::{Figure, Report},
    server::{DNS, FAR_NAME, NUMBERED, Servers},
};
use super::{
    Options,
    link::{FAR, Link},
    statistics::Spread,
    worker::Worker,
};
use crate::{
    daemon::{Daemon, Settings},
    ensure,
    error::{Context, Outcome},
};

pub use work::work;

/// The argument that makes the program a worker.
pub const WORKER: &str = "name-worker";

/// How long a block is meant to take.
const BLOCK: Duration = Duration::from_millis(3);
/// Rounds of connections; with `--quick`; and how many of these make one of questions.
const ROUNDS: usize = 100;
const QUICK_ROUNDS: usize = 25;
const PER_QUESTIONS: usize = 5;
/// Questions of a round.
const QUESTIONS: u32 = 100;
/// Questions in a second, and for how many seconds.
const FLOOD: (u32, u32) = (20_000, 5);
/// Addresses that an agent knows in the end.
const CROWD: u32 = 10_000;

/// What an answer that is forwarded may take longer, and one from memory may take at all, in microseconds.
const FORWARDED: f64 = 100.0;
const REMEMBERED: f64 = 60.0;

/// The agents, and how their scopes permit the far end.
const BY_ADDRESS: &str = "by-address";
const BY_NAME: &str = "by-name";
const BY_TLS: &str = "by-tls";

/// Measures everything and prints it. The exit status is 1 if a budget is broken.
pub fn run(options: &Options) -> Outcome<ExitCode> {
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let mut report = Report::new(rounds)?;
    let link = Link::new()?;
    let servers = Servers::start(&link)?;
    let (first, last) = (Operation::ALL[0].port(), Operation::ALL[4].port());
    let to = |host: &str| format!("any://{host}:{first}-{last}");
    let by_name = |agent: &str, tls: &str| {
        format!(
            "[agent]\nname = \"{agent}\"\n\n[network]\nallow = [\n  {{ to = \"{}\", private = true, tls = {tls} }},\n  \
             {{ to = \"*{NUMBERED}\", private = true }},\n]\n",
            to(FAR_NAME),
        )
    };
    let by_address = format!(
        "[agent]\nname = \"{BY_ADDRESS}\"\n\n[network]\nallow = [\"{}\"]\n",
        to(&FAR.to_string())
    );
    let scopes = [
        (BY_ADDRESS, by_address.as_str()),
        (BY_NAME, &by_name(BY_NAME, "\"any\"")),
        (BY_TLS, &by_name(BY_TLS, "true")),
    ];
    let mut settings = Settings::new(&options.agentguard);
    settings.network = Some(link.near.path());
    settings.arguments = vec!["--upstream".into(), format!("{FAR}:{DNS}")];
    let daemon = Daemon::start(settings, &scopes)?;
    let program = std::env::current_exe().context("find the own program")?;
    let worker = |agent: Option<&str>| {
        let mut command = match agent {
            Some(agent) => daemon.run_as(agent, &link.near, &program),
            None => link.near.command(&program),
        };
        command.arg(WORKER);
        Worker::start(command)
    };
    questions(
        &mut report,
        rounds / PER_QUESTIONS,
        &mut worker(None)?,
        &mut worker(Some(BY_NAME))?,
    )?;
    let mut agents = [
        worker(Some(BY_ADDRESS))?,
        worker(Some(BY_NAME))?,
        worker(Some(BY_TLS))?,
    ];
    for agent in &mut agents[1..] {
        ensure!(agent.ask("resolve")? == 1, "{FAR_NAME} is not resolved");
    }
    connections(&mut report, rounds, &mut agents)?;
    let crowd = worker(Some(BY_NAME))?.ask(format_args!("learn 1000000 {CROWD}"))?;
    ensure!(
        crowd == u64::from(CROWD),
        "{crowd} of {CROWD} names have an address"
    );
    let [by_address, by_name, _] = &mut agents;
    for operation in [Operation::Connect, Operation::Datagram] {
        let [ratio] = ratios(rounds, operation, by_address, &mut [by_name])?;
        report.note(Figure::ratio(
            operation,
            &format!("{BY_NAME}, {CROWD} known"),
            ratio,
        ));
    }
    drop(servers);
    report.write(options)?;
    Ok(if report.is_broken() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What an agent waits for answers.
fn questions(
    report: &mut Report,
    rounds: usize,
    untagged: &mut Worker,
    agent: &mut Worker,
) -> Outcome {
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 ns")]
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    let (mut added, mut remembered) = (Vec::new(), Vec::new());
    for round in 0..u32::try_from(rounds).unwrap_or(u32::MAX) {
        let command = format!("forwarded {} {QUESTIONS}", round * QUESTIONS);
        let (direct, through) = (untagged.ask(&command)?, agent.ask(&command)?);
        added.push(microseconds(through) - microseconds(direct));
        remembered.push(microseconds(
            agent.ask(format_args!("remembered {QUESTIONS}"))?,
        ));
    }
    report.note(Figure::time(
        "answer, forwarded",
        "added",
        Spread::of(&added),
        FORWARDED,
    ));
    report.note(Figure::time(
        "answer, known",
        "whole",
        Spread::of(&remembered),
        REMEMBERED,
    ));
    let (per_second, seconds) = FLOOD;
    let lost = agent.ask(format_args!("flood {per_second} {seconds}"))?;
    report.lost(per_second, seconds, lost);
    Ok(())
}

/// What connections of agents cost that may make them by a name.
fn connections(report: &mut Report, rounds: usize, agents: &mut [Worker; 3]) -> Outcome {
    let [by_address, by_name, by_tls] = agents;
    for operation in Operation::ALL {
        if operation.is_tls() {
            let both = ratios(rounds, operation, by_address, &mut [by_name, by_tls])?;
            for (agent, ratio) in [BY_NAME, BY_TLS].into_iter().zip(both) {
                report.note(Figure::ratio(operation, agent, ratio));
            }
        } else {
            let [ratio] = ratios(rounds, operation, by_address, &mut [by_name])?;
            report.note(Figure::ratio(operation, BY_NAME, ratio));
        }
    }
    Ok(())
}

/// The ratios of what some take to what the first takes.
fn ratios<const N: usize>(
    rounds: usize,
    operation: Operation,
    base: &mut Worker,
    others: &mut [&mut Worker; N],
) -> Outcome<[Spread; N]> {
    let mut count = 10;
    for _ in 0..3 {
        let took = base.ask(format_args!("{operation} {count}"))?.max(1);
        let wanted = u128::from(count) * BLOCK.as_nanos() / u128::from(took);
        count = u64::try_from(wanted).unwrap_or(u64::MAX).clamp(1, 1 << 20);
    }
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 ns")]
    let block = |worker: &mut Worker| -> Outcome<f64> {
        Ok(worker.ask(format_args!("{operation} {count}"))? as f64)
    };
    let mut found = [const { Vec::new() }; N];
    for _ in 0..rounds {
        let before = block(base)?;
        let mut took = [0.0; N];
        for (place, took) in took.iter_mut().enumerate() {
            *took = block(others[place])?;
        }
        // Back again, so that a machine that becomes slower meanwhile changes nothing.
        for (place, took) in took.iter_mut().enumerate().rev() {
            *took += block(others[place])?;
        }
        let base = before + block(base)?;
        for (took, ratios) in took.into_iter().zip(&mut found) {
            ratios.push(took / base);
        }
    }
    Ok(found.map(|ratios| Spread::of(&ratios)))
}
