//! `agentguard doctor`.

use std::fmt::Write as _;

use clap::Args;

use super::{Error, ExitCode, output};
use crate::kernel::{
    probe,
    protection::{Protection, State},
};

/// Check that this host has what agentguard needs
///
/// Tries what the daemon will do (program and map types by loading them; nothing stays loaded) and
/// says what to do about each failure: ✓ works, ! is missing but not needed by network rules,
/// ✗ is missing. Run it as root. Exit status 6 if something is missing.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Print JSON: an array of objects with name, state (active, degraded, unsupported), detail
    /// and remedy
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode, Error> {
    let found = probe::all();
    if args.json {
        output::print_json(&found)?;
    } else {
        output::print(&render(&found))?;
    }
    Ok(if probe::missing(&found).next().is_some() {
        ExitCode::Unsuitable
    } else {
        ExitCode::Done
    })
}

fn render(found: &[Protection]) -> String {
    let width = found
        .iter()
        .map(|protection| protection.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for protection in found {
        let mark = match protection.state {
            State::Active => '✓',
            State::Degraded => '!',
            State::Unsupported => '✗',
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{mark} {:<width$}  {}",
            protection.name, protection.detail
        );
        if let Some(remedy) = &protection.remedy {
            let _ = writeln!(text, "  {:<width$}  → {remedy}", "");
        }
    }
    let verdict = match probe::missing(found).count() {
        0 => "This host can enforce network rules.".to_owned(),
        1 => "This host cannot enforce network rules: 1 thing is missing.".to_owned(),
        count => format!("This host cannot enforce network rules: {count} things are missing."),
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_comes_with_its_remedy() {
        let text = render(&[
            Protection::active("cgroup v2", "/sys/fs/cgroup"),
            Protection::unsupported("BTF", "absent", "boot another kernel"),
        ]);
        assert_eq!(
            text,
            "✓ cgroup v2  /sys/fs/cgroup\n\
             ✗ BTF        absent\n\
             \x20            → boot another kernel\n\
             \n\
             This host cannot enforce network rules: 1 thing is missing.\n"
        );
    }
}
