//! How much longer an agent waits for an answer than everybody else.

use super::steps::{SERVER, allowing};
use crate::{
    cases::{
        story::{is_emulated, worked},
        table::scenario,
    },
    ensure,
    error::{Error, Outcome},
    harness::{Group, Stage},
    probe::Reading,
};

const AGENT: &str = "hasty";
/// Each question is asked of the name server.
const NEW: &str = "n$n.numbered.agents.example";
/// All questions but the first are answered from memory.
const KNOWN: &str = "api.agents.example";
const COUNT: &str = "800";
/// What an answer that is forwarded may take longer, and one from memory may take at all, in nanoseconds.
const FORWARDED: u64 = 100_000;
const REMEMBERED: u64 = 60_000;
/// The programs of the suite are built to be quick to compile, and other tests may run: it fails beyond so many times that.
const LENIENCE: u64 = 4;

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-latency",
    scopes: &[],
    layout: None,
    internet: true,
    cases: &[scenario("of-answers", answers)],
};

fn answers(stage: &Stage) -> Outcome {
    if is_emulated() {
        return Err(Error::Skipped(
            "times mean nothing in an emulated machine".into(),
        ));
    }
    let daemon = stage.start(&[(AGENT, &allowing(AGENT, &["\"*.agents.example:7001\""]))])?;
    let untagged = median(&stage.try_untagged(&["dns-latency", SERVER, NEW, COUNT])?)?;
    let words = ["dns-latency", SERVER, NEW, COUNT];
    let forwarded = median(&stage.try_tagged(&daemon, AGENT, &words)?)?;
    let words = ["dns-latency", SERVER, KNOWN, COUNT];
    let remembered = median(&stage.try_tagged(&daemon, AGENT, &words)?)?;
    println!(
        "note: an answer takes {} µs, forwarded for an agent {} µs, from memory {} µs",
        untagged / 1000,
        forwarded / 1000,
        remembered / 1000
    );
    let added = forwarded.saturating_sub(untagged);
    ensure!(
        added <= LENIENCE * FORWARDED,
        "an agent waits {added} ns longer, the budget is {FORWARDED} ns"
    );
    ensure!(
        remembered <= LENIENCE * REMEMBERED,
        "from memory it takes {remembered} ns, the budget is {REMEMBERED} ns"
    );
    Ok(())
}

/// The median of answers, none of which is missing.
fn median(reading: &Reading) -> Outcome<u64> {
    worked(reading)?;
    let missing = reading.number("missing")?;
    ensure!(missing == 0, "{missing} answers are missing");
    reading.number("median")
}
