//! What rules for files cost, in instructions: for a machine whose clock counts them.
//!
//! The daemon loads its programs, fills their tables and tags the agents; then it is killed, and nothing runs but
//! one worker at a time. Its work is counted with no program attached, with the daemon's, with empty ones, and with none
//! again. Workers that Landlock confines come last, as that is for good. A refusal would be an error of the worker, so
//! nothing is recorded meanwhile.

mod case;
mod hooks;
mod operation;
mod report;
mod tree;
mod work;

use std::{
    fs, hint, iter,
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

use self::{
    case::Case,
    hooks::Hooks,
    operation::Operation,
    report::{Finding, Findings},
    tree::Tree,
};
use super::{Options, switch::Programs, worker::Worker};
use crate::{
    daemon::{Daemon, Settings},
    ensure,
    error::{Context, Outcome},
    host::{self, cgroup::Cgroup},
};

pub use work::work;

/// The argument that makes the program a worker on files.
pub const WORKER: &str = "file-worker";

/// Rounds of a measurement.
const ROUNDS: usize = 31;
/// With `--quick`.
const QUICK_ROUNDS: usize = 11;
/// The agents: their names and how many rules they have.
const AGENTS: [(&str, usize); 2] = [("few-rules", 16), ("many-rules", 256)];

/// A worker, and what it took without enforcement.
struct Subject {
    case: Case,
    worker: Worker,
    bases: Vec<u64>,
}

/// Measures everything and prints it. The exit status is 1 if a budget is broken.
pub fn run(options: &Options) -> Outcome<ExitCode> {
    ensure!(
        is_counting(),
        "this machine's clock does not count instructions: use `cargo xtask bench --files`"
    );
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let measured: Vec<_> = Operation::ALL
        .into_iter()
        .filter(|operation| operation.name().contains(&options.filter))
        .flat_map(|operation| {
            operation
                .depths()
                .iter()
                .map(move |depth| (operation, *depth))
        })
        .collect();
    let tree = Tree::new(256)?;
    let worker = std::env::current_exe().context("find the own program")?;
    let scopes = AGENTS.map(|(agent, rules)| (agent, tree::scope(agent, rules, &worker)));
    let texts: Vec<_> = scopes
        .iter()
        .map(|(agent, text)| (*agent, text.as_str()))
        .collect();
    let mut daemon = Daemon::start(Settings::new(&options.agentguard), &texts)?;
    let outside = Cgroup::create(&format!("/{}-outside", host::own_name()))?;
    let mut subjects = start(&daemon, &outside, &worker)?;
    let mut hooks = Hooks::take(daemon.pid(), &options.only)?;
    daemon.kill()?;
    println!("{} programs, {rounds} rounds", hooks.count());

    let counts = |worker: &mut Worker| -> Outcome<Vec<u64>> {
        measured
            .iter()
            .map(|(operation, depth)| worker.ask(format_args!("{operation} {depth} {rounds}")))
            .collect()
    };
    hooks.set(Programs::None)?;
    for subject in &mut subjects {
        subject.bases = counts(&mut subject.worker)?;
    }
    let mut findings = Findings::default();
    let mut note = |case: Case, bases: &[u64], counts: &[u64]| {
        for ((&(operation, depth), &base), &count) in measured.iter().zip(bases).zip(counts) {
            findings
                .0
                .push(finding(case, operation, depth, base, count));
        }
    };
    for case in [Case::Outside, Case::Empty, Case::Control] {
        hooks.set(match case {
            Case::Outside => Programs::Ours,
            Case::Empty => Programs::Empty,
            _ => Programs::None,
        })?;
        for subject in &mut subjects {
            // With ours also the agents are measured.
            let case = match subject.case {
                Case::Outside => case,
                agent @ Case::Scope(_) if case == Case::Outside => agent,
                _ => continue,
            };
            let counts = counts(&mut subject.worker)?;
            note(case, &subject.bases, &counts);
        }
    }
    for subject in &mut subjects {
        let Case::Landlock(rules) = subject.case else {
            continue;
        };
        let agent = AGENTS.iter().find(|(_, number)| *number == rules);
        let scope = daemon.scope_file(agent.map_or("", |(agent, _)| agent));
        subject
            .worker
            .ask(format_args!("landlock {}", scope.display()))?;
        let counts = counts(&mut subject.worker)?;
        note(subject.case, &subject.bases, &counts);
    }
    drop(subjects);
    drop(tree);
    let is_kept = findings.print();
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", findings.to_json()))
            .context(format!("write {}", path.display()))?;
    }
    Ok(if is_kept {
        ExitCode::SUCCESS
    } else {
        println!("a budget is broken");
        ExitCode::FAILURE
    })
}

/// A worker for each case that needs one.
fn start(daemon: &Daemon, outside: &Cgroup, program: &Path) -> Outcome<Vec<Subject>> {
    let mut subjects = Vec::new();
    for case in Case::ALL {
        let mut command = match case {
            Case::Control | Case::Empty => continue,
            Case::Outside | Case::Landlock(_) => {
                let mut command = Command::new(program);
                outside.place(&mut command)?;
                command
            }
            Case::Scope(rules) => {
                let agent = AGENTS.iter().find(|(_, number)| *number == rules);
                let mut command =
                    daemon.command(&["run", agent.map_or("", |(agent, _)| agent), "--"]);
                command.arg(program);
                command
            }
        };
        subjects.push(Subject {
            case,
            worker: Worker::start({
                command.arg(WORKER);
                command
            })?,
            bases: Vec::new(),
        });
    }
    Ok(subjects)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn finding(case: Case, operation: Operation, depth: usize, base: u64, count: u64) -> Finding {
    Finding {
        case,
        operation,
        depth,
        base: base as f64 / operation.count() as f64,
        ratio: count as f64 / base as f64,
    }
}

/// Whether the clock of this machine counts instructions: then the same takes the same again.
fn is_counting() -> bool {
    let spin = || {
        let begin = Instant::now();
        for number in 0..100_000 {
            hint::black_box(number);
        }
        begin.elapsed().as_nanos()
    };
    // A tick of the kernel falls into one or the other.
    let mut took: Vec<_> = iter::repeat_with(spin).take(9).collect();
    took.sort_unstable();
    host::is_emulated() && took[5] - took[1] < took[1] / 1000
}
