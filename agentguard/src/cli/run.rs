//! `agentguard run`.

use std::{
    convert::Infallible,
    ffi::{CString, OsString},
    fs, io,
    os::{fd::RawFd, unix::ffi::OsStringExt},
};

use clap::Args;
use nix::{
    errno::Errno,
    sys::signal::{SigHandler, Signal, signal},
    unistd::execvp,
};

use super::{Error, ExitCode, SocketArgs, descriptors};
use crate::control::{api::Entered, client::ClientError};

/// Run a command as an agent
///
/// The daemon makes a cgroup for a new instance of the agent and moves this process into it; this
/// process then becomes the command, which keeps its terminal, its signals and its exit status, and
/// is held to the agent's scope, with everything that it starts, from its first instruction on.
///
/// Descriptors other than standard input, output and error are closed, and none of those three may
/// be a network socket: a socket that was made outside the agent is not held to its scope.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: the command's own; or
  125  agentguard failed, and the command was not started
  126  the command cannot be executed
  127  there is no such command")]
pub(super) struct RunArgs {
    /// Keep this descriptor open for the command, whatever it is. A network socket, an io-uring or
    /// a directory that is passed on gives the agent rights that its scope never gave. May be
    /// repeated
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(RawFd).range(0..))]
    keep_fd: Vec<RawFd>,
    #[command(flatten)]
    socket: SocketArgs,
    /// Name of the agent
    #[arg(value_name = "NAME")]
    agent: String,
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// Why the command was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum RunError {
    /// The daemon did not take this process in.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A descriptor that the command would get is missing or not fit for an agent.
    #[error(transparent)]
    Descriptor(#[from] descriptors::DescriptorError),
    /// The daemon says one cgroup, the kernel another.
    #[error(
        "not confined: this process is in the cgroup {found}, the daemon meant {meant}; \
         a process in another cgroup namespace (a container) cannot enter an agent"
    )]
    Elsewhere {
        /// Where the daemon says that it put this process.
        meant: String,
        /// Where it is.
        found: String,
    },
    /// This process cannot see where it is.
    #[error("/proc/self/cgroup: {0}; mount /proc")]
    Unknown(io::Error),
    /// A disposition of a signal cannot be restored.
    #[error("cannot restore the default of SIGPIPE: {}", .0.desc())]
    Signal(Errno),
    /// An argument cannot be passed on.
    #[error("an argument holds a NUL byte")]
    Argument,
    /// The command cannot be executed.
    #[error("{command}: {}", .error.desc())]
    Exec {
        /// Its name.
        command: String,
        /// Why not.
        error: Errno,
    },
}

impl RunError {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Exec {
                error: Errno::ENOENT,
                ..
            } => ExitCode::NotFound,
            Self::Exec { .. } => ExitCode::NotExecutable,
            _ => ExitCode::RunFailed,
        }
    }
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Error> {
    match become_agent(args)? {}
}

fn become_agent(args: &RunArgs) -> Result<Infallible, RunError> {
    let command: Vec<CString> = args
        .command
        .iter()
        .map(|word| CString::new(word.clone().into_vec()).map_err(|_| RunError::Argument))
        .collect::<Result<_, _>>()?;
    let [name, ..] = command.as_slice() else {
        return Err(RunError::Argument);
    };
    // Before this process opens anything itself: what is open now is what it was given.
    descriptors::check(&args.keep_fd)?;
    let entered = args.socket.client().enter(&args.agent)?;
    confirm(&entered)?;
    descriptors::close_on_exec(&args.keep_fd)?;
    // Rust ignores SIGPIPE, and what is ignored stays ignored across exec. Everything else, the
    // mask of blocked signals above all, is as this process got it.
    // SAFETY: no handler is installed, and no other thread depends on the disposition.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map_err(RunError::Signal)?;
    let Err(error) = execvp(name, &command);
    Err(RunError::Exec {
        command: name.to_string_lossy().into_owned(),
        error,
    })
}

/// Makes sure that this process is where the daemon says it is.
fn confirm(entered: &Entered) -> Result<(), RunError> {
    let cgroups = fs::read_to_string("/proc/self/cgroup").map_err(RunError::Unknown)?;
    let found = cgroups
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or("(none)");
    if found == entered.cgroup {
        return Ok(());
    }
    Err(RunError::Elsewhere {
        meant: entered.cgroup.clone(),
        found: found.to_owned(),
    })
}
