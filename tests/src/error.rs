//! How a scenario ends when it does not succeed.

use std::{fmt, io};

/// Why a step of a scenario could not be carried out, or a case did not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that must hold does not.
    #[error("{0}")]
    Failed(String),
    /// The case does not apply here; the text is a fact about this kernel.
    #[error("{0}")]
    Skipped(String),
    /// A call to the system failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::System {
            what: "system call".into(),
            source,
        }
    }
}

impl From<nix::Error> for Error {
    fn from(errno: nix::Error) -> Self {
        io::Error::from(errno).into()
    }
}

/// The result of a step or a case.
pub type Outcome<T = ()> = Result<T, Error>;

/// Says what was tried when a system call failed.
pub trait Context<T> {
    /// Attaches what was tried.
    fn context(self, what: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Error::System {
            what: what.to_string(),
            source: error.into(),
        })
    }
}

/// A failure with this text.
pub fn failed<T>(why: impl fmt::Display) -> Outcome<T> {
    Err(Error::Failed(why.to_string()))
}

/// Ends the case as failed unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err($crate::error::Error::Failed(format!($($why)+)));
        }
    };
}
