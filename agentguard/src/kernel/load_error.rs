//! Why the programs could not be loaded.

use std::io;

use aya::{EbpfError, programs::ProgramError};

use super::{btf::BtfError, self_test::SelfTestError, symbols::SymbolError};

/// Why the programs could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// aya could not read the tracepoints' types.
    #[error("cannot use the types of the kernel's tracepoints: {0}")]
    Tracepoints(#[from] aya::BtfError),
    /// The kernel's types cannot be read.
    #[error("cannot read the kernel's types: {0}")]
    Types(#[from] BtfError),
    /// The kernel lacks what the programs on security hooks read.
    #[error("cannot confine files: {0}")]
    Lsm(String),
    /// The kernel lacks a symbol.
    #[error("cannot confine files: {0}")]
    Symbol(#[from] SymbolError),
    /// The maps could not be made.
    #[error(
        "cannot create agentguard's tables in the kernel: {0}; `agentguard doctor` says what this host lacks"
    )]
    Object(#[source] Box<EbpfError>),
    /// The object lacks a program or a map.
    #[error("the eBPF object has no `{0}`: it does not belong to this binary")]
    Absent(&'static str),
    /// The tasks could not be gone through.
    #[error("cannot go through the tasks: {0}")]
    Tasks(#[source] io::Error),
    /// The programs do not see what is there.
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
    /// A thread that loaded a program panicked.
    #[error("a thread that loaded a program has panicked")]
    Thread,
    /// The kernel refused a program.
    #[error("the kernel refused the program `{name}`: {message}")]
    Refused {
        /// The program.
        name: &'static str,
        /// The error, with the end of the verifier's log.
        message: String,
    },
}

/// Of a program that the kernel refused to load or to attach.
pub(super) fn refused(name: &'static str, error: &ProgramError) -> LoadError {
    const TAIL: usize = 2000;
    let message = match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let start = log.len().saturating_sub(TAIL);
            let start = (start..log.len()).find(|at| log.is_char_boundary(*at));
            format!("{io_error}\n{}", start.map_or("", |start| &log[start..]))
        }
        other => other.to_string(),
    };
    LoadError::Refused { name, message }
}
