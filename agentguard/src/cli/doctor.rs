//! `agentguard doctor`.

use std::fmt::Write as _;

use clap::Args;

use super::{Error, ExitCode, output};
use crate::kernel::{
    files, probe,
    protection::{Protection, State},
};

/// Check that this host has what agentguard needs
///
/// Tries what the daemon will do (program and map types by loading them; nothing stays loaded) and
/// says what to do about each failure: ✓ works, ! is weaker than it should be, ✗ is missing. Run it
/// as root. Exit status 6 if something is missing that network rules need.
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
    let files = found.iter().find(|it| it.name == files::NAME);
    if let Some(files) = files {
        let _ = writeln!(text, "{}", enforces_files(files.state));
    }
    text
}

fn enforces_files(state: State) -> &'static str {
    match state {
        State::Active => "It can enforce rules for files.",
        State::Degraded => {
            "It cannot enforce rules for files: `agentguard run` can hold to them what it starts, less \
             exactly (docs/without-bpf-lsm.md)."
        }
        State::Unsupported => "It cannot enforce rules for files (docs/without-bpf-lsm.md).",
    }
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

    #[test]
    fn rules_for_files_have_a_verdict_of_their_own() {
        let text = |files| render(&[Protection::active("BTF", "fine"), files]);
        let active = text(Protection::active("files", "BPF LSM"));
        assert!(
            active.ends_with("enforce network rules.\nIt can enforce rules for files.\n"),
            "{active}"
        );
        let unsupported = text(Protection::unsupported("files", "none", "boot"));
        assert!(
            unsupported.contains("can enforce network rules.\nIt cannot enforce rules for files"),
            "{unsupported}"
        );
    }
}
