//! `agentguard reload`.

use std::fmt::Write as _;

use clap::Args;

use super::{Error, ExitCode, SocketArgs, output};
use crate::control::api::ReloadReport;

/// Load the scopes again, all or nothing
///
/// If a scope has an error, nothing changes and the errors are printed (exit status 3). Otherwise
/// every agent is held to its new scope when this returns, connections that are open included. An
/// agent that is declared no longer keeps its last scope as long as it has processes. SIGHUP to the
/// daemon does the same.
#[derive(Args, Debug)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &ReloadArgs) -> Result<ExitCode, Error> {
    let report = args.socket.client().reload()?;
    output::print(&render(&report))?;
    Ok(ExitCode::Done)
}

fn render(report: &ReloadReport) -> String {
    let mut text = match report.agents {
        1 => "1 agent is declared\n".to_owned(),
        agents => format!("{agents} agents are declared\n"),
    };
    let changes = [
        ("added", &report.added),
        ("changed", &report.changed),
        ("removed", &report.removed),
    ];
    for (what, names) in changes {
        if !names.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {what}: {}", names.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_listed() {
        let report = ReloadReport {
            agents: 2,
            added: vec!["a".into(), "b".into()],
            ..ReloadReport::default()
        };
        assert_eq!(render(&report), "2 agents are declared\n  added: a, b\n");
    }
}
