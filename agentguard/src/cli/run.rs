//! `agentguard run`.

use std::{
    convert::Infallible,
    ffi::{CString, OsString},
    fs::File,
    io,
    os::{fd::RawFd, unix::ffi::OsStringExt},
};

use clap::Args;
use nix::{
    errno::Errno,
    sys::signal::{SigHandler, Signal, signal},
    unistd::execvp,
};

use super::{Error, ExitCode, SocketArgs, complain, descriptors};
use crate::{
    control::{
        api::{Entered, FileConfinement},
        client::ClientError,
    },
    landlock::{self, ConfineError, Confined},
    text::counted,
};

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
    /// Where Landlock holds the command to the rules for files: say what they permit and Landlock
    /// does not
    #[arg(long, short)]
    verbose: bool,
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
    /// The rules for files cannot be applied.
    #[error("not confined: {0}")]
    Confine(#[from] ConfineError),
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
    // It says where this process is when it is read, and could not be opened then: an agent may open
    // only what its scope names.
    let cgroups = File::open("/proc/self/cgroup").map_err(RunError::Unknown)?;
    let entered = args.socket.client().enter(&args.agent)?;
    confirm(&entered, cgroups)?;
    descriptors::close_on_exec(&args.keep_fd)?;
    confine(&entered, args.verbose)?;
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

/// Holds this process to the rules for files, if that is left to it.
fn confine(entered: &Entered, is_verbose: bool) -> Result<(), RunError> {
    match &entered.files {
        None | Some(FileConfinement::BpfLsm) => {}
        Some(FileConfinement::Nothing { why }) => complain(&format!("files: {why}")),
        Some(FileConfinement::Landlock(rules)) => report(&landlock::confine(rules)?, is_verbose),
    }
    Ok(())
}

/// Says what the rules permit and Landlock does not: a command that fails for it should not be a riddle.
fn report(confined: &Confined, is_verbose: bool) {
    let left_out = &confined.left_out;
    if is_verbose {
        let (abi, rules) = (confined.abi, counted(confined.granted, "rule"));
        complain(&format!("files: Landlock, ABI {abi}, {rules}; left out:"));
        for item in left_out.items() {
            complain(&format!("files: {item}"));
        }
        if left_out.more() > 0 {
            complain(&format!("files: and {} more", left_out.more()));
        }
    } else if left_out.count() > 0 {
        let paths = counted(left_out.count(), "path");
        complain(&format!(
            "files: Landlock instead of BPF LSM; it leaves out {paths} that the scope permits \
             (run --verbose lists them)"
        ));
    }
}

/// Makes sure that this process is where the daemon says it is.
fn confirm(entered: &Entered, cgroups: File) -> Result<(), RunError> {
    let cgroups = io::read_to_string(cgroups).map_err(RunError::Unknown)?;
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
