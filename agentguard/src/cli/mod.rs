//! The command line: one file a verb.

pub mod check;
mod completions;
pub mod daemon;
mod descriptors;
mod doctor;
pub mod exit;
pub mod explain;
mod output;
mod reload;
mod run;
mod status;
pub mod tail;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};

pub use exit::ExitCode;

use crate::{
    control::{
        api::{DEFAULT_SOCKET, ErrorCode},
        client::{Client, ClientError},
    },
    daemon::DaemonError,
};

/// Confines AI agents from the kernel
///
/// A scope, a TOML file in /etc/agentguard/agents.d, declares an agent and what it may reach. The
/// daemon enforces it for every process of the agent and writes each refusal to the violation log.
#[derive(Parser, Debug)]
#[command(name = "agentguard", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  the kernel, the file system or the daemon failed
  2  the command line is wrong
  3  a scope is invalid
  4  the daemon cannot be reached
  5  not permitted
  6  this host lacks what agentguard needs
`agentguard run --help`, `status --help` and `explain --help` say what they add.";

#[derive(Subcommand, Debug)]
enum Command {
    Daemon(daemon::DaemonArgs),
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Reload(reload::ReloadArgs),
    Check(check::CheckArgs),
    Explain(explain::ExplainArgs),
    Doctor(doctor::DoctorArgs),
    Tail(tail::TailArgs),
    Completions(completions::CompletionsArgs),
}

/// How to reach the daemon.
#[derive(Args, Debug, Clone)]
pub struct SocketArgs {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", env = "AGENTGUARD_SOCKET", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
}

impl SocketArgs {
    /// A client of that daemon.
    pub fn client(&self) -> Client {
        Client::new(&self.socket)
    }
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum Error {
    /// The daemon did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The command was not started.
    #[error(transparent)]
    Run(#[from] run::RunError),
    /// The daemon does not run.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// The log cannot be shown.
    #[error(transparent)]
    Tail(#[from] tail::TailError),
    /// The question cannot be answered.
    #[error(transparent)]
    Explain(#[from] explain::OfflineError),
    /// Standard output cannot be written to.
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Client(error) => client_exit_code(error),
            Self::Run(error) => error.exit_code(),
            Self::Daemon(error) => error.exit_code(),
            Self::Explain(error) => error.exit_code(),
            Self::Tail(_) | Self::Output(_) => ExitCode::Failed,
        }
    }
}

fn client_exit_code(error: &ClientError) -> ExitCode {
    match error {
        ClientError::NotRunning(_) | ClientError::Closed(_) | ClientError::TimedOut(_) => {
            ExitCode::Unreachable
        }
        ClientError::NotPermitted(_) => ExitCode::NotPermitted,
        ClientError::Api(error) => match error.code {
            ErrorCode::InvalidScope => ExitCode::InvalidScope,
            ErrorCode::Unsupported => ExitCode::Unsuitable,
            ErrorCode::NotPermitted => ExitCode::NotPermitted,
            ErrorCode::InvalidRequest => ExitCode::Usage,
            _ => ExitCode::Failed,
        },
        _ => ExitCode::Failed,
    }
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return usage(&error),
    };
    let done = match command {
        Command::Daemon(args) => daemon::run(args),
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Tail(args) => tail::run(args)
            .map(|()| ExitCode::Done)
            .map_err(Error::from),
        Command::Completions(args) => completions::run(&args),
    };
    match done {
        Ok(code) => code,
        // The reader has seen enough: `agentguard status | head`.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Done,
        Err(error) => {
            error.to_string().lines().for_each(complain);
            if let Error::Client(ClientError::Api(api)) = &error {
                api.errors.iter().for_each(|line| complain(line));
            }
            error.exit_code()
        }
    }
}

/// Help, version, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        return match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::Failed,
            _ => ExitCode::Done,
        };
    }
    // What `run` returns is the command's unless agentguard failed.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == "run") {
        ExitCode::RunFailed
    } else {
        ExitCode::Usage
    }
}

/// Says what is wrong, on standard error. If nobody listens there the exit status still says it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "agentguard: {}", output::printable(message));
}
