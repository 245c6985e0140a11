//! The suite in virtual machines, side by side.

use std::{
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

/// Runs the suite on each kernel and answers in their order. A machine has two processors, for what can only
/// go wrong with two, and hardly keeps more than one busy: side by side they take two thirds of the time.
pub(super) fn run(
    series: &[String],
    filter: Option<&str>,
    programs: &Programs,
) -> Result<Vec<Outcome>> {
    let lanes = series.len().min(at_once());
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    // Whose a line is.
    let width = series.iter().map(String::len).max().unwrap_or_default();
    thread::scope(|scope| {
        let lane = || {
            while let Some((place, series)) = take(&next, series) {
                let prefix = format!("{series:>width$} | ");
                let outcome = machine(series, filter, programs, &prefix);
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

fn take<'a>(next: &AtomicUsize, series: &'a [String]) -> Option<(usize, &'a String)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    Some((place, series.get(place)?))
}

fn machine(series: &str, filter: Option<&str>, programs: &Programs, prefix: &str) -> Outcome {
    let name = format!("vm {series}");
    println!("test: {name}");
    let mut outcome = Outcome::new(name);
    let mut closed = false;
    let result = vm::run(series, programs, &vm::suite_command(filter), "", |line| {
        println!("{prefix}{line}");
        closed |= outcome.read_suite(line);
    });
    let result = finish_suite(closed, result.and_then(vm::Outcome::success));
    outcome.error = result.err().map(|error| format!("{error:#}"));
    outcome
}
