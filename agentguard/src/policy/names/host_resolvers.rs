//! The sockets of those who resolve names for the whole host.
//!
//! They would resolve any name for an agent: what they answer opens nothing, but the name has then left the host.
//! A scope that says nothing of sockets, and has rules by name, gets rules that close them. Where it does say
//! something of sockets, they are closed unless it permits them.

use std::sync::LazyLock;

use crate::policy::{
    error::Place,
    file_rules::{FileRules, ProfileUse},
    profiles::Profile,
};

/// What stands in records for the file of these rules.
const FILE: &str = "built-in resolvers";

static RULES: LazyLock<Profile> =
    LazyLock::new(|| Profile::parse("resolvers", FILE, include_str!("resolvers.toml")));

/// The rules that close them. No scope names them, so that they have no place in one.
pub(in crate::policy) fn host_resolvers() -> FileRules {
    FileRules {
        profiles: vec![ProfileUse {
            profile: &RULES,
            place: Place { line: 1, column: 1 },
        }],
        ..FileRules::default()
    }
}
