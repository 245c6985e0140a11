//! What can be wrong with a pattern.

use agentguard_common::limits::{MAX_COMPONENT, MAX_DEPTH};

use super::socket::MAX_ABSTRACT;

/// Why a text is no pattern.
///
/// Each message says what is wrong and what to write. Text of the file is quoted and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Nothing stands there.
    #[error("the pattern is empty; expected an absolute path, as in \"/srv/papers/**\"")]
    Empty,
    /// A NUL byte.
    #[error("a pattern cannot hold a NUL character, since no path does; remove it")]
    Nul,
    /// It does not begin with a slash.
    #[error("{text:?} is relative; a pattern begins with a slash{hint}", hint = relative_hint(.text))]
    Relative {
        /// The pattern as it is written.
        text: String,
    },
    /// It ends with a slash.
    #[error(
        "{text:?} ends with a slash; write {right:?} for the path alone, or {all:?} for it and everything beneath",
        right = .text.trim_end_matches('/'),
        all = format!("{}/**", .text.trim_end_matches('/'))
    )]
    TrailingSlash {
        /// The pattern as it is written.
        text: String,
    },
    /// Two slashes with nothing between them.
    #[error("{text:?} has two slashes with nothing between them; write one")]
    EmptyComponent {
        /// The pattern as it is written.
        text: String,
    },
    /// `.`
    #[error("\".\" stands for the directory itself and is in no path that is compared; remove it")]
    Dot,
    /// `..`
    #[error(
        "\"..\" is in no path that is compared; write the path without it, as `realpath` shows it"
    )]
    DotDot,
    /// `**` with something else between two slashes.
    #[error(
        "{component:?} joins ** with other characters; ** stands alone between slashes, for any number of names: write * within a name"
    )]
    Joined {
        /// The component as it is written.
        component: String,
    },
    /// A component that is longer than any name.
    #[error(
        "the component that begins with {start:?} has {bytes} bytes, and no name has more than {MAX_COMPONENT}; shorten it"
    )]
    LongComponent {
        /// Its first characters.
        start: String,
        /// Its length.
        bytes: usize,
    },
    /// A path where abstract sockets are written with `@`.
    #[error(
        "{text:?} would be the abstract socket {right:?}; write that if it is meant, and give another socket a path that does not begin with /@",
        right = .text.trim_start_matches('/')
    )]
    At {
        /// The pattern as it is written.
        text: String,
    },
    /// An abstract socket without a name.
    #[error("\"@\" names no abstract socket; write \"@name\", or \"@*\" for every one")]
    NoName,
    /// `**` in the name of an abstract socket.
    #[error("{text:?} has ** in the name of an abstract socket, which is one name; write *")]
    AbstractDepth {
        /// The name as it is written.
        text: String,
    },
    /// An abstract socket with a name that is longer than any.
    #[error(
        "the abstract socket that begins with {start:?} has a name of {bytes} bytes, and none has more than {MAX_ABSTRACT}; shorten it"
    )]
    LongAbstract {
        /// Its first characters.
        start: String,
        /// The length of its name.
        bytes: usize,
    },
    /// More components than a path can have names.
    #[error(
        "the pattern needs a path of at least {names} names, and paths of more than {MAX_DEPTH} are refused; shorten it"
    )]
    Deep {
        /// Components that stand for one name.
        names: usize,
    },
}

fn relative_hint(text: &str) -> String {
    if text.starts_with('*') {
        format!(": write {:?}", format!("/{text}"))
    } else if text.starts_with('~') {
        ", and ~ has no meaning in it: write the directory out, as in \"/home/*/…\"".to_owned()
    } else {
        let (below_root, anywhere) = (format!("/{text}"), format!("/**/{text}"));
        format!(", as in {below_root:?}, or {anywhere:?} for every directory")
    }
}
