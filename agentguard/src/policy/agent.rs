//! The `[agent]` section.

use toml::de::DeTable;

use super::{
    document::{Document, FormError, Placed},
    scope::{Agent, Mode},
    wording::suggestion,
};

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["name", "owner", "purpose", "mode", "profiles", "require"];
/// Values of `mode`.
pub(super) const MODES: &[&str] = &["enforce", "observe"];

const SECTION: &str = "[agent]";
const EXAMPLE: &str = "name = \"research-bot\"";
const MAX_NAME: usize = 63;
/// Bytes of an owner: it stands in every record of the log.
const MAX_OWNER: usize = 256;
const MAX_PURPOSE: usize = 1024;

/// Why a fact about an agent is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The name is not a name.
    #[error(
        "{0:?} is no agent name; expected 1 to {MAX_NAME} characters a-z 0-9 _ -, the first a letter or a digit"
    )]
    Name(String),
    /// The mode is not a mode.
    #[error("{found:?} is no mode; expected \"enforce\" or \"observe\"{hint}")]
    Mode {
        /// What stands there.
        found: String,
        /// The mode that may be meant, as the end of a sentence.
        hint: String,
    },
    /// A text is not one line, or too long.
    #[error("{key:?} must be one line of at most {limit} bytes without control characters")]
    Text {
        /// The key.
        key: &'static str,
        /// Its limit.
        limit: usize,
    },
}

/// The agent, and where its name stands.
pub(super) fn agent<'a>(document: &mut Document<'a>, root: &DeTable<'a>) -> Option<(Agent, usize)> {
    const TABLE: &str = "a table, as in [agent]";
    if !root.contains_key("agent") {
        let what = "the section [agent]";
        let example = "[agent] with name = \"research-bot\"";
        document.report(0, FormError::Missing { what, example });
        return None;
    }
    let section = document.table(root, "agent", TABLE)?;
    let table = section.value;
    document.keys(table, SECTION, KEYS);
    let owner = line(document, table, "owner", MAX_OWNER);
    let purpose = line(document, table, "purpose", MAX_PURPOSE);
    let mode = match document.string(table, SECTION, "mode") {
        Some(text) => mode(document, text),
        None => Mode::default(),
    };
    if !table.contains_key("name") {
        let what = "\"name\" in [agent]";
        document.report(
            section.at,
            FormError::Missing {
                what,
                example: EXAMPLE,
            },
        );
        return None;
    }
    let name = document.string(table, SECTION, "name")?;
    if !is_name(name.value) {
        document.report(name.at, AgentError::Name(name.value.to_owned()));
    }
    let agent = Agent {
        name: name.value.to_owned(),
        owner,
        purpose,
        mode,
    };
    Some((agent, name.at))
}

/// The mode of a text, which is reported if it is none.
pub(super) fn mode(document: &mut Document<'_>, text: Placed<&str>) -> Mode {
    match text.value {
        "enforce" => Mode::Enforce,
        "observe" => Mode::Observe,
        other => {
            let (found, hint) = (other.to_owned(), suggestion(other, MODES));
            document.report(text.at, AgentError::Mode { found, hint });
            Mode::default()
        }
    }
}

fn line<'a>(
    document: &mut Document<'a>,
    table: &DeTable<'a>,
    key: &'static str,
    limit: usize,
) -> Option<String> {
    let text = document.string(table, SECTION, key)?;
    if text.value.len() > limit || text.value.contains(char::is_control) {
        document.report(text.at, AgentError::Text { key, limit });
    }
    Some(text.value.to_owned())
}

fn is_name(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= MAX_NAME
        && name.bytes().next().is_some_and(alphanumeric)
        && name
            .bytes()
            .all(|byte| alphanumeric(byte) || matches!(byte, b'_' | b'-'))
}
