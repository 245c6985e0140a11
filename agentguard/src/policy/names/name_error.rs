//! What can be wrong with a name.

use super::name::{MAX_LABEL, MAX_NAME};

/// Why a text is no name that a rule can have.
///
/// Each message says what is wrong and what to write. Text of the file is quoted and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A character that names do not have.
    #[error("a name cannot hold the character {0:?}; expected letters, digits, \"-\" and \"_\"")]
    Character(char),
    /// Two dots side by side, or one in front.
    #[error(
        "a name cannot have an empty label; write one dot between two labels and none in front, as in \"api.example.com\""
    )]
    EmptyLabel,
    /// A label is too long.
    #[error("a label of the name has {bytes} bytes; expected at most {MAX_LABEL}")]
    LabelLength {
        /// Its length, as it is sent.
        bytes: usize,
    },
    /// The name is too long.
    #[error("the name has {bytes} bytes; expected at most {MAX_NAME}")]
    Length {
        /// Its length, as it is sent.
        bytes: usize,
    },
    /// A label begins or ends with a hyphen.
    #[error("a label of a name cannot begin or end with \"-\": {0:?}")]
    Hyphen(String),
    /// It has other characters than ASCII, or `xn--`, and is no internationalised name.
    #[error(
        "{0:?} is no internationalised name (UTS 46); write it as it stands in a browser, or its form that begins with \"xn--\""
    )]
    Idna(String),
    /// It would be read as an address.
    #[error("{0:?} is read as an address by some programs, so it is no name; write the address")]
    Address(String),
    /// `*` in another place than the first label.
    #[error(
        "\"*\" stands only for the whole beginning of a name, as in \"*.example.com\", which is every name beneath example.com"
    )]
    Star,
    /// Names that programs know without asking.
    #[error(
        "{0:?} is this host and is not asked for; write \"127.0.0.1\" and \"[::1]\", with the port"
    )]
    Localhost(String),
    /// A wildcard for names of strangers.
    #[error(
        "\"*.{name}\" is every name of whoever has registered one beneath the public suffix {name}; name a domain beneath it, as in \"*.example.{name}\""
    )]
    PublicSuffix {
        /// What stands behind `*.`.
        name: String,
    },
    /// A wildcard for what may become a public suffix.
    #[error(
        "\"*.{name}\" is every name beneath a whole top-level domain; name a domain beneath it, or write {{ to = …, private = true }} if it is a domain of your own network"
    )]
    TopLevel {
        /// What stands behind `*.`.
        name: String,
    },
    /// A name in `listen`.
    #[error(
        "{0:?} is a name, and only addresses can be listened on; write the address, or \"0.0.0.0\" or \"[::]\" for every one"
    )]
    Listen(String),
    /// A wildcard where one name is asked for.
    #[error("{0:?} is a pattern; ask for one name")]
    Pattern(String),
}
