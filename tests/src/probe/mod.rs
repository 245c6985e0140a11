//! One technique, performed by raw system calls: `agentguard-tests probe TECHNIQUE ARGUMENTS…`.
//!
//! The same program runs untagged, where everything must arrive, and as an agent. It prints one
//! line of JSON that says how each call ended.

mod accesses;
mod arguments;
mod child;
mod files;
mod flood;
mod forks;
mod hold;
mod identity;
mod names;
mod namespaces;
mod process;
mod processes;
mod protocols;
mod race;
mod report;
mod serve;
mod session;
mod sockets;
mod tcp;
mod udp;
mod uring;

pub use report::{Reading, Report, Step, Stop};

use arguments::Arguments;

use crate::error::{Error, Outcome};
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
    names::asking::TECHNIQUES,
    names::connections::TECHNIQUES,
    names::hellos::TECHNIQUES,
    names::namespaces::TECHNIQUES,
    identity::TECHNIQUES,
    forks::TECHNIQUES,
    hold::TECHNIQUES,
    serve::TECHNIQUES,
    race::TECHNIQUES,
    flood::TECHNIQUES,
    process::TECHNIQUES,
    session::TECHNIQUES,
    files::opens::TECHNIQUES,
    files::names::TECHNIQUES,
    files::contents::TECHNIQUES,
    files::metadata::TECHNIQUES,
    files::programs::TECHNIQUES,
    files::mounts::TECHNIQUES,
    files::uring::TECHNIQUES,
    files::attempts::TECHNIQUES,
    sockets::unix::TECHNIQUES,
    sockets::families::TECHNIQUES,
    sockets::netlink::TECHNIQUES,
    sockets::options::TECHNIQUES,
    sockets::passing::TECHNIQUES,
    sockets::witness::TECHNIQUES,
    processes::tracing::TECHNIQUES,
    processes::signals::TECHNIQUES,
    processes::kernel::TECHNIQUES,
    processes::mounts::TECHNIQUES,
    processes::namespaces::TECHNIQUES,
    processes::terminal::TECHNIQUES,
    processes::attributes::TECHNIQUES,
    processes::cgroups::TECHNIQUES,
];

/// How long a refused process stays.
const LINGER: Duration = Duration::from_millis(25);

/// Performs a technique and prints its report. An error here means that the technique could not
/// be tried at all.
pub fn main(arguments: &[String]) -> Outcome {
    let mut report = Report::default();
    let ended = perform(arguments, &mut report);
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

/// Performs a technique.
fn perform(words: &[String], report: &mut Report) -> Step {
    let Some((name, rest)) = words.split_first() else {
        return Err(Error::Failed("probe: which technique?".into()).into());
    };
    let mut known = TECHNIQUES.iter().copied().flatten();
    let Some((_, technique)) = known.find(|(known, _)| known == name) else {
        return Err(Error::Failed(format!("probe: there is no technique {name}")).into());
    };
    technique(report, &Arguments(rest))
}

#[cfg(test)]
mod tests {
    use super::TECHNIQUES;

    #[test]
    fn no_technique_hides_another() {
        let mut names: Vec<_> = TECHNIQUES
            .iter()
            .copied()
            .flatten()
            .map(|(name, _)| name)
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
