//! A text to a scope.

use std::path::Path;

use super::{
    agent,
    conflicts::{self, Declared},
    document::Document,
    error::PolicyError,
    matches, network,
    scope::Scope,
};

/// Sections of a scope.
pub(super) const SECTIONS: &[&str] = &["agent", "match", "network"];

/// Parses the text of a scope file. `file` is only named in errors, and in the scope.
pub fn parse(file: &Path, text: &str) -> Result<Scope, Vec<PolicyError>> {
    let declared = declared(file, text)?;
    let errors = conflicts::check(std::slice::from_ref(&declared));
    if errors.is_empty() {
        Ok(declared.scope)
    } else {
        Err(errors)
    }
}

/// A scope and the places of what must be unique.
pub(super) fn declared(file: &Path, text: &str) -> Result<Declared, Vec<PolicyError>> {
    let (mut document, root) = Document::parse(file, text);
    let found = root.and_then(|root| {
        document.keys(&root, "the file", SECTIONS);
        let agent = agent::agent(&mut document, &root);
        let (matches, offsets) = matches::matches(&mut document, &root);
        let (rules, texts) = network::rules(&mut document, &root);
        let (agent, name) = agent?;
        let places =
            |offsets: Vec<usize>| offsets.into_iter().map(|at| document.place(at)).collect();
        Some(Declared {
            name: document.place(name),
            units: places(offsets.units),
            cgroups: places(offsets.cgroups),
            scope: Scope {
                agent,
                matches,
                rules,
                texts,
                file: file.to_owned(),
            },
        })
    });
    let errors = document.into_errors();
    match found {
        Some(declared) if errors.is_empty() => Ok(declared),
        _ => Err(errors),
    }
}
