//! The demonstration keeps its promises: each attempt is refused and recorded, all work is done, and its exit
//! status says so.

use std::{process::Command, time::Duration};

use super::table::scenario;
use crate::{
    demo, ensure,
    error::{Error, Outcome},
    harness::{Group, Stage},
    host::{is_emulated, process},
};

/// Virtual machines are slow.
const LIMIT: Duration = Duration::from_mins(5);

pub(super) const GROUP: Group = Group {
    name: "demo",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[scenario("plays", plays)],
};

/// It checks itself; what is checked here is that it gets to its end and says what it should.
fn plays(stage: &Stage) -> Outcome {
    let agentguard = stage.settings().program;
    // The emulated machines must all be able to.
    if !is_emulated()
        && let Some(why) = demo::unsuitable(&agentguard)?
    {
        return Err(Error::Skipped(why));
    }
    // It is built and carried beside the suite.
    let mut command = Command::new(stage.program().with_file_name("agentguard-demo"));
    command.arg("--agentguard").arg(agentguard).arg("--plain");
    let output = process::output(&mut command, LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "it ends with {}: {complaints}\n{said}",
        output.status
    );
    let count = |word: &str| said.lines().filter(|line| line.starts_with(word)).count();
    let (work, refused, happened) = (count("  works "), count("  REFUSED "), count("  HAPPENS "));
    ensure!(
        (work, refused, happened) == (8, 5, 5) && said.contains("\nAll as it should be: "),
        "it shows {work} steps of work, {refused} refusals and {happened} attempts that succeed without \
         agentguard:\n{said}"
    );
    Ok(())
}
