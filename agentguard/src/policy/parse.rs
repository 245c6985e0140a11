//! A text to a scope.

use std::path::Path;

use agentguard_common::process::ProcessFlags;
use toml::de::{DeTable, DeValue};

use super::{
    agent,
    conflicts::{self, Declared},
    destination::Hosts,
    document::Document,
    error::PolicyError,
    file_rules::FileRules,
    files, matches, names, network, process, profiles,
    require::{self, Required},
    scope::Scope,
    verify,
};

/// Sections of a scope.
pub(super) const SECTIONS: &[&str] = &["agent", "match", "network", "files", "sockets", "process"];

/// Parses the text of a scope file. `file` is only named in errors, and in the scope.
pub fn parse(file: &Path, text: &str) -> Result<Scope, Vec<PolicyError>> {
    let declared = declared(file, text)?;
    let mut errors = conflicts::check(std::slice::from_ref(&declared));
    errors.extend(verify::verify(&declared.scope));
    if errors.is_empty() {
        Ok(declared.scope)
    } else {
        Err(errors)
    }
}

/// A scope and the places of what must be unique. Whether it can be compiled is not
/// [verified](verify) yet.
pub(super) fn declared(file: &Path, text: &str) -> Result<Declared, Vec<PolicyError>> {
    let (mut document, root) = Document::parse(file, text);
    let found = root.and_then(|root| {
        document.keys(&root, "the file", SECTIONS);
        let agent = agent::agent(&mut document, &root);
        let (matches, offsets) = matches::matches(&mut document, &root);
        let (rules, texts) = network::rules(&mut document, &root);
        let (files, process, require) = confinement(&mut document, &root);
        let (agent, name) = agent?;
        let has_names = rules
            .iter()
            .any(|rule| matches!(rule.destination.hosts, Hosts::Name(_)));
        let closes = files.is_none() && has_names;
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
                files: files.map(Box::new),
                host_resolvers: closes.then(|| Box::new(names::host_resolvers())),
                process,
                require,
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

/// What the scope says about files, sockets and processes. If it says anything, files and sockets are
/// confined.
fn confinement<'a>(
    document: &mut Document<'a>,
    root: &DeTable<'a>,
) -> (Option<FileRules>, ProcessFlags, Option<Required>) {
    let own = files::rules(document, root);
    let process = process::process(document, root);
    let agent = match root.get("agent").map(toml::Spanned::get_ref) {
        Some(DeValue::Table(agent)) => Some(agent),
        _ => None,
    };
    let profiles = agent.and_then(|agent| profiles::uses(document, agent, own.rules.len()));
    let is_confined = profiles.is_some()
        || ["files", "sockets", "process"]
            .iter()
            .any(|section| root.contains_key(*section));
    let require = agent.and_then(|agent| require::required(document, agent, is_confined));
    let files = is_confined.then(|| FileRules {
        own,
        profiles: profiles.unwrap_or_default(),
        ..FileRules::default()
    });
    let granted = files.as_ref().map(FileRules::process).unwrap_or_default();
    (files, process | granted, require)
}
