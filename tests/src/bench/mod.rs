//! What enforcement costs.
//!
//! One worker process is measured with the daemon's programs attached and without them, in short
//! blocks that alternate: with, without, without, with. The ratio of a round is the sum of two
//! blocks to the sum of the two others, so that a machine that becomes slower or faster in between
//! changes nothing, and a figure is the median of the ratios of many rounds. It is always the same
//! process with the same sockets, so that nothing differs but the programs.

mod case;
pub mod files;
mod link;
pub mod names;
mod operation;
mod options;
mod report;
mod scheduling;
mod server;
mod stage;
mod statistics;
mod streams;
mod switch;
mod work;
mod worker;

pub use options::Options;
pub use work::work;
pub use worker::WORKER;

use std::{fs, process::ExitCode, time::Duration};

use serde_json::{Value, json};

use self::{
    case::Case,
    operation::Operation,
    report::{Finding, HEAD, Verdict},
    stage::Stage,
    statistics::Spread,
    switch::{Programs, Switch},
    worker::Worker,
};
use crate::{
    error::{Context, Outcome},
    host::programs,
};

/// How long a block is meant to take.
const BLOCK: Duration = Duration::from_millis(3);
/// Rounds of every case.
const ROUNDS: usize = 100;
/// With `--quick`.
const QUICK_ROUNDS: usize = 25;

/// Measures everything and prints it. The exit status is 1 if a budget is broken.
pub fn run(options: &Options) -> Outcome<ExitCode> {
    let release =
        fs::read_to_string("/proc/sys/kernel/osrelease").context("ask for the release")?;
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let others = programs::all()?.len();
    println!(
        "agentguard bench on Linux {}, {rounds} rounds",
        release.trim()
    );
    if !scheduling::is_real_time_permitted() {
        println!("note: no real-time priority here (a container?): expect noise");
    }
    if others > 0 {
        println!(
            "note: {others} BPF programs of others are loaded: the base may not be free of them"
        );
    }
    let mut stage = Stage::new(options)?;
    println!("\n{HEAD}");
    let mut findings = Vec::new();
    for operation in Operation::ALL {
        if !operation.name().contains(&options.filter) {
            continue;
        }
        for finding in measure(&mut stage, operation, rounds)? {
            println!("{}", finding.row());
            findings.push(finding);
        }
    }
    if let Some(path) = &options.json {
        let report = json!({
            "kernel": release.trim(),
            "rounds": rounds,
            "other_programs": others,
            "findings": findings.iter().copied().map(Finding::to_json).collect::<Vec<Value>>(),
        });
        fs::write(path, format!("{report:#}\n")).context(format!("write {}", path.display()))?;
    }
    let broken = findings
        .iter()
        .any(|finding| finding.verdict() == Verdict::Broken);
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Measures an operation in every case; the cases take turns.
fn measure(stage: &mut Stage, operation: Operation, rounds: usize) -> Outcome<Vec<Finding>> {
    let (workers, switch) = stage.parts();
    switch.set(Programs::Ours)?;
    let mut samples = Vec::new();
    for (case, worker) in workers.iter_mut() {
        samples.push(Sample {
            case: *case,
            count: calibrate(worker, operation)?,
            ratios: Vec::new(),
            bases: Vec::new(),
        });
    }
    for round in 0..rounds {
        for ((_, worker), sample) in workers.iter_mut().zip(&mut samples) {
            sample.round(worker, switch, operation, round % 2 == 0)?;
        }
    }
    switch.set(Programs::None)?;
    let finding = |sample: Sample| Finding {
        operation,
        case: sample.case,
        ratio: Spread::of(&sample.ratios),
        base: Spread::of(&sample.bases).median,
    };
    Ok(samples.into_iter().map(finding).collect())
}

/// How many operations fill a block.
fn calibrate(worker: &mut Worker, operation: Operation) -> Outcome<u64> {
    let mut count = operation.first_count();
    for _ in 0..3 {
        let took = worker.measure(operation, count)?;
        let wanted = u128::from(count) * BLOCK.as_nanos() / took.as_nanos().max(1);
        count = u64::try_from(wanted).unwrap_or(u64::MAX).clamp(1, 1 << 20);
    }
    Ok(count)
}

/// The rounds of one case.
struct Sample {
    case: Case,
    count: u64,
    ratios: Vec<f64>,
    bases: Vec<f64>,
}

impl Sample {
    fn round(
        &mut self,
        worker: &mut Worker,
        switch: &mut Switch,
        operation: Operation,
        first: bool,
    ) -> Outcome {
        let (mut with, mut without) = (0.0, 0.0);
        for on in [first, !first, !first, first] {
            switch.set(if on {
                self.case.programs()
            } else {
                Programs::None
            })?;
            let took = worker.measure(operation, self.count)?.as_secs_f64();
            *(if on { &mut with } else { &mut without }) += took;
        }
        self.ratios.push(with / without);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        self.bases.push(without * 1e9 / (2 * self.count) as f64);
        Ok(())
    }
}
