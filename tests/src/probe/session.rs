//! One technique after another, as they are asked for on standard input: a line of JSON each, with the
//! technique and its arguments. Each is performed in a child, so that none changes what the next one has.

use std::io::BufRead;

use super::{
    LINGER, Report, Step, Stop, Technique, arguments::Arguments, child::in_child, hold::ready,
};
use crate::error::Error;

pub(super) const TECHNIQUES: &[Technique] = &[("session", session)];

fn session(_: &mut Report, _: &Arguments) -> Step {
    ready();
    for line in std::io::stdin().lock().lines() {
        let words: Vec<String> = serde_json::from_str(&line?)
            .map_err(|error| Error::Failed(format!("probe: not understood: {error}")))?;
        let mut report = Report::default();
        let ended = in_child(&mut report, |report| {
            let ended = super::perform(&words, report);
            match &ended {
                // The daemon reads who this is after the fact; let it see.
                Err(Stop::Refused) => std::thread::sleep(LINGER),
                Err(Stop::Broken(error)) => report.fact("broken", error.to_string()),
                Ok(()) | Err(Stop::Silent) => {}
            }
            Ok(())
        });
        if let Err(Stop::Broken(error)) = ended {
            report.fact("broken", error.to_string());
        }
        println!("{}", report.to_json());
    }
    Err(Stop::Silent)
}
