//! Tests of the whole way from a file to a verdict.

mod compiled;
mod conflicts;
mod explained;
mod file_rules;
mod files;
mod form;
mod grammar;
mod process;
mod profiles;
mod resolved;
mod schema;
mod snapshot;
mod values;
mod warned;

use std::path::Path;

use super::{PolicyError, Scope, parse};

/// Parses a text that must be a scope.
fn scope(text: &str) -> Scope {
    parse(Path::new("bot.toml"), text).unwrap_or_else(|errors| panic!("{text}\n{}", lines(&errors)))
}

/// A scope with these lines of `[network]`.
fn network(lines: &str) -> Scope {
    scope(&format!("[agent]\nname = \"bot\"\n[network]\n{lines}\n"))
}

/// The errors of a text, one a line, as a person sees them.
fn errors(text: &str) -> String {
    match parse(Path::new("bot.toml"), text) {
        Ok(scope) => panic!("no error in {text}\n{scope:?}"),
        Err(errors) => lines(&errors),
    }
}

fn lines(errors: &[PolicyError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
