//! `require` in `[agent]`: the protections without which the agent must not run.

use toml::de::DeTable;

use super::{
    document::{Document, Placed},
    wording::{alternatives, suggestion},
};

/// Values of `require`.
pub(super) const VALUES: &[&str] = &["network", "files"];

/// The protections that a scope requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Required {
    /// Network rules must be enforced.
    pub network: bool,
    /// Rules about files and sockets must be enforced by BPF LSM.
    pub files: bool,
}

/// Why a requirement is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequireError {
    /// There is no such protection.
    #[error("{found:?} is no protection; expected {values}{hint}", values = alternatives(VALUES))]
    Unknown {
        /// What stands there.
        found: String,
        /// The value that may be meant, as the end of a sentence.
        hint: String,
    },
    /// Files are to be protected, and nothing says how.
    #[error(
        "files are required to be protected, but the scope has no [files], [sockets], [process] or profiles; add them, or write require = [\"network\"]"
    )]
    NoFiles,
}

/// What the scope says that it requires, if it says anything.
pub(super) fn required<'a>(
    document: &mut Document<'a>,
    agent: &DeTable<'a>,
    has_files: bool,
) -> Option<Required> {
    const KEY: &str = "require";
    let example = "an array of strings, as in [\"network\", \"files\"]";
    agent.get(KEY)?;
    let mut required = Required::default();
    for Placed { value, at } in document.strings(agent, "[agent]", KEY, example) {
        match value {
            "network" => required.network = true,
            "files" if has_files => required.files = true,
            "files" => document.report(at, RequireError::NoFiles),
            other => {
                let (found, hint) = (other.to_owned(), suggestion(other, VALUES));
                document.report(at, RequireError::Unknown { found, hint });
            }
        }
    }
    Some(required)
}
