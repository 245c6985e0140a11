//! Rules by name: `api.openai.com:443`, `*.arxiv.org:443`.
//!
//! ```text
//! name (grammar, IDNA, public suffixes) → keys (private, tls, types) → tree (which rules match a name)
//!      → table (may it be resolved, and for which rules)
//! ```
//!
//! A rule by name is a network rule like the others, but that no prefix says which addresses it is
//! about: these are the ones that agentguard's own resolver gave the agent for the name.

mod explain;
mod host_resolvers;
mod keys;
mod name;
mod name_error;
mod notes;
mod record_type;
mod resolved;
mod suffix;
mod table;
mod tree;
mod warnings;

pub use explain::explain_name;
pub(super) use host_resolvers::host_resolvers;
pub(super) use keys::keys;
pub use keys::{KeyError, NameKeys, TlsCheck};
pub use name::Name;
pub use name_error::NameError;
pub(super) use notes::notes;
pub use record_type::RecordTypes;
pub use resolved::{Learnt, Resolved, explain_resolved};
pub(super) use suffix::check_wildcard;
pub use table::{Judgement, NameMatch, Names};
pub(super) use warnings::name_warnings;

#[cfg(test)]
mod tests;
