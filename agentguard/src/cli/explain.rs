//! `agentguard explain AGENT …`: what would the kernel do, and why?

mod answer;
mod offline;

use std::{io, path::PathBuf};

use clap::{Args, Subcommand};

pub use self::{
    answer::{exit_code, render},
    offline::{OfflineError, offline, offline_path},
};
use super::{Error, ExitCode, SocketArgs};
use crate::{
    control::api::{ExplainAccess, ExplainPathQuery, ExplainProtocol, ExplainQuery},
    policy::Explanation,
};

/// Say what an agent's scope makes of an operation, and by which rule
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
    Open(OpenArgs),
    Exec(ExecArgs),
    ConnectUnix(ConnectUnixArgs),
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
    #[command(flatten)]
    ask: AskArgs,
}

/// Opening a file, or listing a directory
#[derive(Args, Debug)]
struct OpenArgs {
    /// Its path; symbolic links are followed
    path: String,
    /// To write it
    #[arg(long, conflicts_with = "create")]
    write: bool,
    /// To make it; moving and removing it are decided alike
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    ask: AskArgs,
}

/// Executing a program, or loading a library
///
/// A script needs its interpreter too, a program its loader and its libraries.
#[derive(Args, Debug)]
struct ExecArgs {
    /// Its path; symbolic links are followed
    path: String,
    #[command(flatten)]
    ask: AskArgs,
}

/// A connection or a datagram to a Unix socket
#[derive(Args, Debug)]
struct ConnectUnixArgs {
    /// Its path, or `@` and the name of an abstract socket
    #[arg(value_name = "PATH|@NAME")]
    path: String,
    #[command(flatten)]
    ask: AskArgs,
}

/// Who is asked, and how the answer is shown.
#[derive(Args, Debug)]
struct AskArgs {
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
    let (ask, answer) = match &args.operation {
        Operation::Connect(connect) => (&connect.ask, destination(&args.agent, connect)?),
        Operation::Open(open) => {
            let access = if open.write || open.create {
                ExplainAccess::Write
            } else {
                ExplainAccess::Read
            };
            (&open.ask, path(&args.agent, &open.path, access, &open.ask)?)
        }
        Operation::Exec(exec) => {
            let access = ExplainAccess::Exec;
            (&exec.ask, path(&args.agent, &exec.path, access, &exec.ask)?)
        }
        Operation::ConnectUnix(to) => {
            let access = ExplainAccess::Connect;
            (&to.ask, path(&args.agent, &to.path, access, &to.ask)?)
        }
    };
    render(&answer, ask.json, &mut io::stdout().lock()).map_err(Error::Output)?;
    Ok(exit_code(&answer))
}

fn destination(agent: &str, connect: &ConnectArgs) -> Result<Explanation, Error> {
    let protocol = match (connect.udp, connect.icmp) {
        (true, _) => ExplainProtocol::Udp,
        (_, true) => ExplainProtocol::Icmp,
        _ => ExplainProtocol::Tcp,
    };
    Ok(match &connect.ask.scope {
        Some(file) => offline(file, agent, &connect.to, protocol.into())?,
        None => connect.ask.socket.client().explain(&ExplainQuery {
            agent: agent.to_owned(),
            to: connect.to.clone(),
            protocol,
        })?,
    })
}

fn path(
    agent: &str,
    path: &str,
    access: ExplainAccess,
    ask: &AskArgs,
) -> Result<Explanation, Error> {
    let path = absolute(path, access);
    Ok(match &ask.scope {
        Some(file) => offline_path(file, agent, &path, access.into())?,
        None => ask.socket.client().explain_path(&ExplainPathQuery {
            agent: agent.to_owned(),
            path,
            access,
        })?,
    })
}

/// A path from the root on: the daemon has another working directory.
fn absolute(path: &str, access: ExplainAccess) -> String {
    let is_abstract = access == ExplainAccess::Connect && path.starts_with('@');
    if is_abstract || path.starts_with('/') || path.is_empty() {
        return path.to_owned();
    }
    std::env::current_dir().map_or_else(
        // Whoever is asked says that it is not absolute.
        |_| path.to_owned(),
        |directory| directory.join(path).to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests;
