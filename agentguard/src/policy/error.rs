//! What is wrong with a scope, and where.

use std::{fmt, path::PathBuf};

use super::{
    agent::AgentError,
    conflicts::ConflictError,
    destination_error::DestinationError,
    document::FormError,
    files::FileError,
    matches::MatchError,
    names::KeyError,
    network::NetworkError,
    paths::{CompileError, PatternError},
    process::ProcessError,
    profiles::ProfileError,
    read::ReadError,
    require::RequireError,
};

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in the line, in characters, from 1.
    pub column: u32,
}

/// An error in a scope file.
///
/// It reads `FILE:LINE:COLUMN: what is wrong; what was expected; how to mend it`. Text of the file
/// is quoted and escaped, so that a message is one line, and safe on a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub struct PolicyError {
    /// The file.
    pub file: PathBuf,
    /// Where in the file; nothing if the error is about the file itself.
    pub place: Option<Place>,
    /// What is wrong.
    pub problem: Problem,
}

impl PolicyError {
    /// The message without the position.
    pub fn message(&self) -> String {
        self.problem.to_string()
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.file.display())?;
        if let Some(Place { line, column }) = self.place {
            write!(formatter, "{line}:{column}:")?;
        }
        write!(formatter, " {}", self.problem)
    }
}

/// What can be wrong with a scope file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file is not TOML, or has keys that it should not have.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A fact about the agent is not acceptable.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A unit or a cgroup is not acceptable.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// The rules are not acceptable.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A destination is not acceptable.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A key of a rule by name is not acceptable.
    #[error(transparent)]
    NameKey(#[from] KeyError),
    /// The rules about files and sockets are not acceptable.
    #[error(transparent)]
    Files(#[from] FileError),
    /// A pattern is not acceptable.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The rules about files and sockets cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A permission about processes is not acceptable.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A requirement is not acceptable.
    #[error(transparent)]
    Require(#[from] RequireError),
    /// Two declarations contradict each other.
    #[error(transparent)]
    Conflict(#[from] ConflictError),
}
