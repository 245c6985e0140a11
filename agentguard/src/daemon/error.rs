//! Why the daemon could not start, or could not load scopes.

use std::{io, path::PathBuf};

use super::{agents::TooMany, files::Lacking};
use crate::{
    cli::ExitCode,
    control::socket::SocketError,
    identity::walk::WalkError,
    kernel::{
        attach::AttachError, cgroup2::Cgroup2Error, load_error::LoadError, tables::TableError,
    },
    log::LogError,
    mounts::{KeeperError, MountTableError},
    policy::{PolicyError, paths::CompileError},
};

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// Scopes are invalid; nothing was changed.
    #[error("{}", lines(.0))]
    Scopes(Vec<PolicyError>),
    /// The host lacks what scopes require; nothing was changed.
    #[error("{}", lines(.0))]
    Lacking(Vec<Lacking>),
    /// The host lacks what agentguard needs.
    #[error("{0}")]
    Unsuitable(String),
    /// Another daemon runs.
    #[error("another daemon holds {}; stop it, or give this one another --run-dir and --cgroup", .0.display())]
    Running(PathBuf),
    /// A directory or file of the daemon's cannot be used.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The mount table cannot be used.
    #[error(transparent)]
    Mounts(#[from] MountTableError),
    /// Where files are on the host cannot be kept.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// cgroup v2 cannot be used.
    #[error(transparent)]
    Cgroups(#[from] Cgroup2Error),
    /// The programs cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The scopes cannot be put in force.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The control socket cannot be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A thread or a signal handler cannot be had.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

impl DaemonError {
    /// What the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Scopes(_) => ExitCode::InvalidScope,
            Self::Unsuitable(_) | Self::Lacking(_) | Self::Cgroups(_) | Self::Mounts(_) => {
                ExitCode::Unsuitable
            }
            _ => ExitCode::Failed,
        }
    }
}

/// Why scopes could not be put in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// There are too many agents.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// A scope cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The programs that rules for files need cannot be loaded.
    #[error(transparent)]
    Hooks(#[from] LoadError),
    /// A scope declares a cgroup that is the daemon's.
    #[error(
        "the scope of '{agent}' declares the cgroup {path}, which is where `agentguard run` puts agents; declare another, or give the daemon another --cgroup"
    )]
    Own {
        /// The agent.
        agent: String,
        /// The path.
        path: String,
    },
    /// A cgroup to attach to cannot be made.
    #[error("cannot make the cgroup {cgroup}: {source}")]
    Place {
        /// Its path.
        cgroup: String,
        /// Why.
        source: io::Error,
    },
    /// The programs cannot be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// What was there already cannot be tagged.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

fn lines(errors: &[impl ToString]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
