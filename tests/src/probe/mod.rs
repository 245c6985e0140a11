//! One technique, performed by raw system calls: `agentguard-tests probe TECHNIQUE ARGUMENTS…`.
//!
//! The same program runs untagged, where everything must arrive, and as an agent. It prints one
//! line of JSON that says how each call ended.

mod accesses;
mod arguments;
mod child;
mod flood;
mod forks;
mod hold;
mod identity;
mod namespaces;
mod process;
mod protocols;
mod race;
mod report;
mod serve;
mod tcp;
mod udp;
mod uring;

pub use report::{Reading, Report, Step, Stop};

use arguments::Arguments;

use crate::error::{Outcome, failed};
use std::time::Duration;

/// A technique and its name.
type Technique = (&'static str, fn(&mut Report, &Arguments) -> Step);

const TECHNIQUES: &[&[Technique]] = &[
    accesses::TECHNIQUES,
    tcp::TECHNIQUES,
    udp::TECHNIQUES,
    protocols::TECHNIQUES,
    uring::TECHNIQUES,
    namespaces::TECHNIQUES,
    identity::TECHNIQUES,
    forks::TECHNIQUES,
    hold::TECHNIQUES,
    serve::TECHNIQUES,
    race::TECHNIQUES,
    flood::TECHNIQUES,
    process::TECHNIQUES,
];

/// How long a refused process stays.
const LINGER: Duration = Duration::from_millis(25);

/// Performs a technique and prints its report. An error here means that the technique could not
/// be tried at all.
pub fn main(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        return failed("probe: which technique?");
    };
    let Some((_, technique)) = TECHNIQUES
        .iter()
        .copied()
        .flatten()
        .find(|(known, _)| known == name)
    else {
        return failed(format!("probe: there is no technique {name}"));
    };
    let mut report = Report::default();
    let ended = technique(&mut report, &Arguments(rest));
    if matches!(ended, Err(Stop::Refused)) {
        // The daemon reads who this is after the fact; let it see.
        std::thread::sleep(LINGER);
    }
    match ended {
        Ok(()) | Err(Stop::Refused) => {
            println!("{}", report.to_json());
            Ok(())
        }
        Err(Stop::Silent) => Ok(()),
        Err(Stop::Broken(error)) => Err(error),
    }
}
