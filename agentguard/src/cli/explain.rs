//! `agentguard explain AGENT connect HOST:PORT`: what would the kernel do, and why?

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use agentguard_common::protocol::Protocol;
use clap::{Args, Subcommand};

use super::{Error, ExitCode, SocketArgs};
use crate::control::api::{ExplainProtocol, ExplainQuery};
use crate::policy::{
    Explained, Explanation, PolicyError, Target, TargetError, compile, explain, load_file,
    paths::CompileError,
};

/// Say what an agent's scope makes of a destination, and by which rule
///
/// Asks the daemon about the scope in force, or a scope file without a daemon. Exit status: 0 if it
/// is permitted, 10 if it is refused, 11 if it would be refused but is only observed.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// The agent's name
    agent: String,
    #[command(subcommand)]
    operation: Operation,
}

#[derive(Subcommand, Debug)]
enum Operation {
    Connect(ConnectArgs),
}

/// A connection to HOST:PORT
#[derive(Args, Debug)]
struct ConnectArgs {
    /// Address and port, as in `10.0.0.1:443` or `[2001:db8::1]:443`; for ICMP an address
    #[arg(value_name = "HOST:PORT")]
    to: String,
    /// By UDP
    #[arg(long, conflicts_with = "icmp")]
    udp: bool,
    /// By ICMP
    #[arg(long)]
    icmp: bool,
    /// Ask this scope file, not the daemon
    #[arg(long, value_name = "FILE")]
    scope: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &ExplainArgs) -> Result<ExitCode, Error> {
    let Operation::Connect(connect) = &args.operation;
    let protocol = match (connect.udp, connect.icmp) {
        (true, _) => ExplainProtocol::Udp,
        (_, true) => ExplainProtocol::Icmp,
        _ => ExplainProtocol::Tcp,
    };
    let answer = match &connect.scope {
        Some(file) => offline(file, &args.agent, &connect.to, protocol.into())?,
        None => connect.socket.client().explain(&ExplainQuery {
            agent: args.agent.clone(),
            to: connect.to.clone(),
            protocol,
        })?,
    };
    render(&answer, connect.json, &mut io::stdout().lock()).map_err(Error::Output)?;
    Ok(exit_code(&answer))
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// The destination is not acceptable.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The scope is invalid.
    #[error("{}", lines(.0))]
    Scope(Vec<PolicyError>),
    /// The scope cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The file declares another agent.
    #[error("{file} declares the agent {declared:?}, not {asked:?}; ask for that one, or give its file", file = .file.display())]
    Agent {
        /// The file.
        file: PathBuf,
        /// The agent that it declares.
        declared: String,
        /// The agent that was asked for.
        asked: String,
    },
}

impl OfflineError {
    /// The exit code: 3 if the scope is invalid, 2 if the question is.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Scope(_) | Self::Compile(_) => ExitCode::InvalidScope,
            Self::Target(_) | Self::Agent { .. } => ExitCode::Usage,
        }
    }
}

/// Answers from a scope file, without a daemon. `to` is `HOST:PORT`, or `HOST` for ICMP.
pub fn offline(
    file: &Path,
    agent: &str,
    to: &str,
    protocol: Protocol,
) -> Result<Explanation, OfflineError> {
    let target = Target::parse(to, protocol)?;
    let scope = load_file(file).map_err(OfflineError::Scope)?;
    if scope.agent.name != agent {
        return Err(OfflineError::Agent {
            file: file.to_owned(),
            declared: scope.agent.name,
            asked: agent.to_owned(),
        });
    }
    Ok(explain(
        &scope,
        &compile(&scope)?,
        target.address,
        target.port,
        protocol,
    ))
}

/// Writes an answer, as text or as one line of JSON.
pub fn render(answer: &Explanation, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, answer)?;
        return writeln!(out);
    }
    writeln!(
        out,
        "{}: {} {} {} {}",
        answer.verdict.name(),
        answer.agent,
        answer.operation,
        answer.protocol,
        answer.destination
    )?;
    match (&answer.rule, &answer.rule_file, answer.rule_line) {
        (Some(rule), Some(file), Some(line)) => writeln!(out, "  rule: {rule} ({file}:{line})")?,
        _ if answer.reason == "no-rule" => writeln!(out, "  rule: none allows it")?,
        _ => writeln!(out, "  reason: {}", answer.reason)?,
    }
    if let Some(note) = &answer.note {
        writeln!(out, "  note: {note}")?;
    }
    Ok(())
}

/// The exit code of an answer.
pub const fn exit_code(answer: &Explanation) -> ExitCode {
    match answer.verdict {
        Explained::Permitted => ExitCode::Done,
        Explained::Refused => ExitCode::Refused,
        Explained::Observed => ExitCode::Observed,
    }
}

fn lines(errors: &[PolicyError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "[agent]\nname = \"bot\"\n[network]\n\
                         allow = [\"10.0.0.0/8:443\", { to = \"192.0.2.1\", mode = \"observe\" }]\n\
                         deny = [\"10.1.0.0/16\"]\n";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bot.toml");
        std::fs::write(&file, text).unwrap();
        (directory, file)
    }

    /// The exit code and the text of an answer, without the directory.
    fn ask(to: &str) -> (ExitCode, String) {
        let (directory, file) = file(SCOPE);
        let answer = offline(&file, "bot", to, Protocol::Tcp).unwrap();
        let mut out = Vec::new();
        render(&answer, false, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        (
            exit_code(&answer),
            out.replace(&format!("{}/", directory.path().display()), ""),
        )
    }

    #[test]
    fn answers_are_text_and_an_exit_code() {
        for (to, code, text) in [
            (
                "10.0.0.1:443",
                ExitCode::Done,
                "permitted: bot connect tcp 10.0.0.1:443\n  rule: allow 10.0.0.0/8:443 (bot.toml:4)\n",
            ),
            (
                "10.1.0.1:443",
                ExitCode::Refused,
                "refused: bot connect tcp 10.1.0.1:443\n  rule: deny 10.1.0.0/16 (bot.toml:5)\n",
            ),
            (
                "[2001:db8::1]:1",
                ExitCode::Refused,
                "refused: bot connect tcp [2001:db8::1]:1\n  rule: none allows it\n",
            ),
            (
                "192.0.2.1:1",
                ExitCode::Observed,
                "observed: bot connect tcp 192.0.2.1:1\n  rule: allow 192.0.2.1 (bot.toml:4)\n",
            ),
            (
                "[::]:80",
                ExitCode::Refused,
                "refused: bot connect tcp [::1]:80\n  rule: none allows it\n  note: :: means ::1; \
                 permitted if the peer is a process of the same agent\n",
            ),
        ] {
            assert_eq!(ask(to), (code, text.to_owned()), "{to}");
        }
    }

    #[test]
    fn answers_are_json() {
        let (_directory, file) = file(SCOPE);
        let answer = offline(&file, "bot", "10.0.0.1:443", Protocol::Tcp).unwrap();
        let mut out = Vec::new();
        render(&answer, true, &mut out).unwrap();
        assert!(out.ends_with(b"}\n"));
        assert_eq!(serde_json::from_slice::<Explanation>(&out).unwrap(), answer);
    }

    #[test]
    fn questions_without_an_answer_have_an_exit_code() {
        let (_directory, good) = file(SCOPE);
        let (_other, bad) = file("[agent]\nname = \"bot\"\nx = 1\ny = 2\n");
        let error = |file: &Path, agent: &str, to: &str| {
            let error = offline(file, agent, to, Protocol::Tcp).unwrap_err();
            (error.exit_code(), error.to_string())
        };
        let (code, text) = error(&bad, "bot", "10.0.0.1:1");
        assert_eq!((code, text.lines().count()), (ExitCode::InvalidScope, 2));
        assert!(text.contains("bot.toml:3:1: unknown key \"x\""), "{text}");
        let (code, text) = error(&good, "cat", "10.0.0.1:1");
        assert_eq!(code, ExitCode::Usage);
        assert!(
            text.ends_with(
                "declares the agent \"bot\", not \"cat\"; ask for that one, or give its file"
            ),
            "{text}"
        );
        let (code, text) = error(&good, "bot", "example.com:1");
        assert_eq!(code, ExitCode::Usage);
        assert_eq!(
            text,
            "\"example.com\" is a name, and names are not supported yet; write the addresses"
        );
    }
}
