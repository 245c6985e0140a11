//! `agentguard status`.

use std::fmt::Write as _;

use clap::Args;

use super::{Error, ExitCode, SocketArgs, output};
use crate::{
    control::api::{AgentStatus, LearnedAddress, Protection, State, Status},
    kernel::files,
    text::counted,
};

/// Show what the daemon enforces and what it has seen
///
/// Every agent with its mode, its running instances and what the kernel counted for it since the
/// daemon started; where the programs are attached; whether the log is written; how the last reload
/// ended; and which protections do not work on this host. The exit status is 7 if the last reload
/// failed: the scopes in force are not those on disk.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// Show this agent only
    agent: Option<String>,
    /// Print JSON: the answer of GET /v1/status, or of GET /v1/agents/AGENT
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, Error> {
    let client = args.socket.client();
    if let Some(name) = &args.agent {
        let agent = client.agent(name)?;
        if args.json {
            output::print_json(&agent)?;
        } else {
            output::print(&describe(&agent))?;
        }
    } else {
        let status = client.status()?;
        if args.json {
            output::print_json(&status)?;
        } else {
            output::print(&render(&status))?;
        }
        if status.last_reload.is_some_and(|last| !last.ok) {
            return Ok(ExitCode::NotInForce);
        }
    }
    Ok(ExitCode::Done)
}

// Writing to a string cannot fail.
fn render(status: &Status) -> String {
    let mut text = format!(
        "agentguard {} (pid {}) on Linux {}, since {}\n",
        status.version, status.pid, status.kernel, status.started
    );
    let log = &status.log;
    let _ = write!(
        text,
        "log: {}, {} records written",
        log.path.display(),
        log.written
    );
    if log.unwritten > 0 {
        let _ = write!(text, ", {} COULD NOT BE WRITTEN", log.unwritten);
    }
    let attached = if status.attach_points.is_empty() {
        "nothing".to_owned()
    } else {
        status.attach_points.join(", ")
    };
    let _ = writeln!(text, "\nattached to: {attached}");
    if status.untagged > 0 {
        let _ = writeln!(
            text,
            "without a tag: {} (the table is full; looked up by a slower way, see --max-cgroups)",
            counted(status.untagged, "cgroup")
        );
    }
    if status.unconfined > 0 {
        let _ = writeln!(
            text,
            "COULD NOT BE CONFINED, and killed: {} (there were too many instances)",
            counted(status.unconfined, "cgroup")
        );
    }
    if let Some(reload) = &status.last_reload {
        let outcome = if reload.ok {
            "done"
        } else {
            "FAILED, nothing changed"
        };
        let _ = writeln!(text, "last reload: {}, {outcome}", reload.time);
        for error in &reload.errors {
            let _ = writeln!(text, "  {error}");
        }
    }
    for protection in status
        .protections
        .iter()
        .filter(|it| it.state != State::Active && it.name != files::NAME)
    {
        let _ = writeln!(text, "! {}: {}", protection.name, protection.detail);
    }
    let mut protections = status.protections.iter();
    if let Some(files) = protections.find(|it| it.name == files::NAME) {
        let _ = writeln!(text, "files: {}", described(files));
    }
    text.push('\n');
    text.push_str(&table(&status.agents));
    text
}

/// `degraded (why)`.
fn described(protection: &Protection) -> String {
    format!("{} ({})", protection.state.name(), protection.detail)
}

const HEADINGS: [&str; 9] = [
    "AGENT",
    "MODE",
    "FILES",
    "RULES",
    "INSTANCES",
    "REFUSED",
    "OBSERVED",
    "REPEATED",
    "LOST",
];

fn table(agents: &[AgentStatus]) -> String {
    if agents.is_empty() {
        return "no agents are declared\n".to_owned();
    }
    let rows: Vec<[String; 9]> = agents
        .iter()
        .map(|agent| {
            let (counters, files) = (&agent.counters, agent.files.as_ref());
            [
                agent.name.clone(),
                mode(agent).to_owned(),
                files.map_or("-", |files| files.state.name()).to_owned(),
                agent.rules.to_string(),
                agent.instances.to_string(),
                counters.refused.to_string(),
                counters.observed.to_string(),
                counters.repeated.to_string(),
                counters.lost.to_string(),
            ]
        })
        .collect();
    let widths: [usize; 9] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(HEADINGS[column].len())
    });
    let mut text = String::new();
    for row in std::iter::once(&HEADINGS.map(str::to_owned)).chain(&rows) {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Names to the left, numbers to the right.
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                1 | 2 => write!(text, "  {cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

fn mode(agent: &AgentStatus) -> &'static str {
    if agent.retired {
        "retired"
    } else {
        agent.mode.name()
    }
}

fn describe(agent: &AgentStatus) -> String {
    let mut text = format!("{}\n", agent.name);
    let counters = &agent.counters;
    let facts = [
        (
            "owner",
            agent
                .owner
                .clone()
                .unwrap_or_else(|| "not named".to_owned()),
        ),
        ("mode", mode(agent).to_owned()),
        ("file", agent.file.display().to_string()),
        (
            "files",
            agent
                .files
                .as_ref()
                .map_or_else(|| "not confined".to_owned(), described),
        ),
        (
            "policy",
            format!(
                "version {}, {}",
                agent.policy,
                counted(agent.rules.into(), "network rule")
            ),
        ),
        (
            "running",
            format!(
                "{} in {}",
                counted(agent.instances, "instance"),
                counted(agent.cgroups, "cgroup")
            ),
        ),
        ("refused", counters.refused.to_string()),
        ("observed", counters.observed.to_string()),
        ("recorded", counters.recorded.to_string()),
        ("repeated", counters.repeated.to_string()),
        ("lost", counters.lost.to_string()),
    ];
    for (fact, value) in facts {
        let _ = writeln!(text, "  {fact:<9} {value}");
    }
    if let Some(names) = &agent.names {
        let _ = writeln!(
            text,
            "  {:<9} {}",
            "names",
            counted(names.len() as u64, "name")
        );
        for name in names {
            let addresses: Vec<_> = name.addresses.iter().map(address).collect();
            let _ = writeln!(text, "    {}  {}", name.name, addresses.join(", "));
        }
    }
    text
}

fn address(learned: &LearnedAddress) -> String {
    match learned.seconds {
        0 => format!("{} (ended)", learned.address),
        seconds => format!("{} ({seconds} s)", learned.address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::{Counters, LastReload, LogStatus, Mode};

    fn agent(name: &str) -> AgentStatus {
        AgentStatus {
            name: name.into(),
            owner: None,
            mode: Mode::Enforce,
            file: "/etc/agentguard/agents.d/a.toml".into(),
            rules: 12,
            policy: 3,
            instances: 1,
            cgroups: 2,
            counters: Counters {
                refused: 1234,
                ..Counters::default()
            },
            files: None,
            names: None,
            retired: false,
        }
    }

    #[test]
    fn columns_line_up() {
        let text = table(&[agent("a"), agent("a-much-longer-name")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{text}"
        );
        assert!(
            lines[1].starts_with("a                   enforce  -         12"),
            "{text}"
        );
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let status = Status {
            version: "1.2.3".into(),
            pid: 7,
            started: "2026-11-22T10:00:00Z".into(),
            kernel: "6.12.1".into(),
            agents: vec![],
            attach_points: vec!["/agents.slice".into()],
            untagged: 1,
            unconfined: 3,
            log: LogStatus {
                path: "/var/log/agentguard/violations.jsonl".into(),
                written: 5,
                unwritten: 2,
                queued: 0,
            },
            protections: vec![
                Protection::active("BTF", "fine"),
                Protection::degraded("kernel", "old", "boot"),
                Protection::degraded("files", "Landlock", "lsm="),
            ],
            last_reload: Some(LastReload {
                time: "2026-11-22T10:00:01Z".into(),
                ok: false,
                errors: vec!["a.toml:3:1: bad".into()],
            }),
        };
        assert_eq!(
            render(&status),
            "agentguard 1.2.3 (pid 7) on Linux 6.12.1, since 2026-11-22T10:00:00Z\n\
             log: /var/log/agentguard/violations.jsonl, 5 records written, \
             2 COULD NOT BE WRITTEN\n\
             attached to: /agents.slice\n\
             without a tag: 1 cgroup (the table is full; looked up by a slower way, \
             see --max-cgroups)\n\
             COULD NOT BE CONFINED, and killed: 3 cgroups (there were too many instances)\n\
             last reload: 2026-11-22T10:00:01Z, FAILED, nothing changed\n\
             \x20 a.toml:3:1: bad\n\
             ! kernel: old\n\
             files: degraded (Landlock)\n\
             \n\
             no agents are declared\n"
        );
    }
}
