//! Rules by name, from the file to a judgement.

mod compiled;
mod explained;
mod host_resolvers;
mod keys;
mod matched;
mod name;
mod property;
mod reference;
mod warned;

use std::path::Path;

use super::super::{Scope, parse};

/// A scope with these lines of `[network]`.
fn network(lines: &str) -> Scope {
    let text = format!("[agent]\nname = \"bot\"\n[network]\n{lines}\n");
    parse(Path::new("bot.toml"), &text).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

/// The errors of such a scope, one a line.
fn errors(lines: &str) -> String {
    let text = format!("[agent]\nname = \"bot\"\n[network]\n{lines}\n");
    let errors = parse(Path::new("bot.toml"), &text).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
