//! Answers from a scope file, without a daemon.

use std::path::{Path, PathBuf};

use agentguard_common::{path::Access, protocol::Protocol};

use crate::{
    cli::ExitCode,
    mounts::this_host,
    policy::{
        Explanation, PathTarget, PathTargetError, PolicyError, Scope, Target, TargetError, compile,
        explain, explain_path, load_file, paths::CompileError,
    },
};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// The destination is not acceptable.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The path is not acceptable.
    #[error(transparent)]
    Path(#[from] PathTargetError),
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
            Self::Target(_) | Self::Path(_) | Self::Agent { .. } => ExitCode::Usage,
        }
    }
}

/// Answers about a destination. `to` is `HOST:PORT`, or `HOST` for ICMP.
pub fn offline(
    file: &Path,
    agent: &str,
    to: &str,
    protocol: Protocol,
) -> Result<Explanation, OfflineError> {
    let target = Target::parse(to, protocol)?;
    let scope = scope(file, agent)?;
    Ok(explain(&scope, &compile(&scope)?, &target, protocol))
}

/// Answers about a file or a socket of this host. The path is absolute, or `@` and the name of an abstract
/// socket.
pub fn offline_path(
    file: &Path,
    agent: &str,
    path: &str,
    access: Access,
) -> Result<Explanation, OfflineError> {
    let target = PathTarget::parse(path, access, &*this_host())?;
    let scope = scope(file, agent)?;
    Ok(explain_path(&scope, &compile(&scope)?, &target))
}

/// The scope of a file, which must be the agent's.
fn scope(file: &Path, agent: &str) -> Result<Scope, OfflineError> {
    let scope = load_file(file, &*this_host()).map_err(OfflineError::Scope)?;
    if scope.agent.name == agent {
        return Ok(scope);
    }
    Err(OfflineError::Agent {
        file: file.to_owned(),
        declared: scope.agent.name,
        asked: agent.to_owned(),
    })
}

fn lines(errors: &[PolicyError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
