//! The section `[process]`: what the agent may do with processes and namespaces.

use agentguard_common::process::ProcessFlags;
use toml::de::{DeTable, DeValue};

use super::{
    document::Document,
    wording::{alternatives, suggestion},
};

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["user_namespaces", "ptrace"];
/// Values of `ptrace`.
pub(super) const PTRACE: &[&str] = &["none", "agent"];

const SECTION: &str = "[process]";

/// Why a permission is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// Whom processes may trace is something else than is possible.
    #[error("{found:?} is nobody that an agent may trace; expected {values}{hint}", values = alternatives(&["\"none\"", "\"agent\" (its own processes)"]))]
    Ptrace {
        /// What stands there.
        found: String,
        /// The value that may be meant, as the end of a sentence.
        hint: String,
    },
}

/// What the section permits; nothing if it is not there.
pub(super) fn process<'a>(document: &mut Document<'a>, root: &DeTable<'a>) -> ProcessFlags {
    let mut flags = ProcessFlags::NONE;
    let Some(section) = document.table(root, "process", "a table, as in [process]") else {
        return flags;
    };
    document.keys(section.value, SECTION, KEYS);
    if let Some(value) = section.value.get("user_namespaces") {
        match value.get_ref() {
            DeValue::Boolean(true) => flags = flags | ProcessFlags::USER_NAMESPACES,
            DeValue::Boolean(false) => {}
            other => {
                let what = format!("\"user_namespaces\" in {SECTION}");
                document.wrong_type(value, what, "true or false", other);
            }
        }
    }
    if let Some(text) = document.string(section.value, SECTION, "ptrace") {
        match text.value {
            "none" => {}
            "agent" => flags = flags | ProcessFlags::PTRACE,
            other => {
                let (found, hint) = (other.to_owned(), suggestion(other, PTRACE));
                document.report(text.at, ProcessError::Ptrace { found, hint });
            }
        }
    }
    flags
}
