//! The suite in virtual machines, side by side.

use std::{
    collections::VecDeque,
    panic,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;

use super::{finish_suite, outcome::Outcome};
use crate::{host::Programs, process, vm};

/// Lines of a console that are shown again if a suite did not end as it should: a kernel's panic.
const LAST_WORDS: usize = 80;

/// Runs the suite of each machine and answers in their order. A machine has two processors, for what can only
/// go wrong with two, and hardly keeps more than one busy: side by side they take two thirds of the time.
pub(super) fn run(
    machines: &[String],
    filter: Option<&str>,
    programs: &Programs,
) -> Result<Vec<Outcome>> {
    let lanes = machines.len().min(at_once());
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    // Whose a line is.
    let width = machines.iter().map(String::len).max().unwrap_or_default();
    thread::scope(|scope| {
        let lane = || {
            while let Some((place, name)) = take(&next, machines) {
                let prefix = format!("{name:>width$} | ");
                let outcome = machine(name, filter, programs, &prefix);
                outcomes
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push((place, outcome));
            }
        };
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        for lane in lanes {
            if let Err(payload) = lane.join() {
                panic::resume_unwind(payload);
            }
        }
    });
    process::check_interrupted()?;
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// How many machines run at once: one more than there are processors, as each of them waits now and then.
fn at_once() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get() + 1)
}

fn take<'a>(next: &AtomicUsize, machines: &'a [String]) -> Option<(usize, &'a String)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    Some((place, machines.get(place)?))
}

fn machine(name: &str, filter: Option<&str>, programs: &Programs, prefix: &str) -> Outcome {
    println!("test: vm {name}");
    let mut outcome = Outcome::new(format!("vm {name}"));
    let mut closed = false;
    let mut last = VecDeque::new();
    let command = vm::suite_command(name, filter);
    let result = vm::run(name, programs, &command, vm::Pace::Clock, "", |line| {
        println!("{prefix}{line}");
        closed |= outcome.read_suite(line);
        if last.len() == LAST_WORDS {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    });
    if !closed {
        outcome.last_words = last.into();
    }
    let result = finish_suite(closed, result.and_then(vm::Outcome::success));
    outcome.error = result.err().map(|error| format!("{error:#}"));
    outcome
}
