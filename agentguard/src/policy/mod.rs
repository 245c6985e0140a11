//! Scopes: from TOML files to the tables that the kernel decides by.
//!
//! ```text
//! read (limits, UTF-8) → document (TOML with positions) → parse (rules)
//!      → resolve (links of this host) → conflicts → compile (tables)
//! ```
//!
//! Every error has a [position](PolicyError), all errors of a file are reported together, and one
//! error anywhere makes the whole set invalid: a scope is loaded as it was meant or not at all.

mod agent;
mod casefold;
mod compile;
mod conflicts;
mod destination;
mod destination_error;
mod document;
mod error;
mod explain;
mod explain_path;
mod file_rules;
mod file_warnings;
mod files;
mod grammar;
mod host_paths;
mod item;
mod lines;
mod load;
mod matches;
pub mod names;
mod network;
mod parse;
mod path_target;
pub mod paths;
pub(crate) mod prefix;
mod process;
mod profiles;
mod read;
mod require;
mod resolve;
mod scope;
mod section;
mod snapshot;
mod target;
mod verify;
mod warnings;
mod wording;

pub use agent::AgentError;
pub use compile::{Compiled, compile};
pub use conflicts::ConflictError;
pub use destination::{Destination, Hosts, Ports, Scheme};
pub use destination_error::DestinationError;
pub use document::FormError;
pub use error::{Place, PolicyError, Problem};
pub use explain::{Explained, Explanation, explain, explain_address};
pub use explain_path::explain_path;
pub use file_rules::{FileRule, FileRules, NumberedRule, PathList, ProfileUse};
pub use files::FileError;
pub use grammar::Host as TargetHost;
pub use host_paths::{Host, HostPaths, Link};
pub use load::{Loaded, load_dir, load_each, load_file, load_files};
pub use matches::MatchError;
pub use names::{KeyError, Name, NameError, NameKeys, Names, TlsCheck, explain_name};
pub use network::NetworkError;
pub use parse::parse;
pub use path_target::{PathTarget, PathTargetError};
pub use prefix::{Prefix, PrefixError};
pub use process::ProcessError;
pub use profiles::{Profile, ProfileError, profiles};
pub use read::{MAX_FILE_BYTES, ReadError};
pub use require::{RequireError, Required};
pub use resolve::Note;
pub use scope::{Agent, List, Matches, Mode, Rule, Scope};
pub use snapshot::Snapshot;
pub use target::{Target, TargetError};
pub use warnings::{Warning, warnings};

#[cfg(test)]
mod tests;
