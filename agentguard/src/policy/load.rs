//! Files and directories to scopes.

use std::path::{Path, PathBuf};

use agentguard_common::limits::MAX_AGENTS;

use super::{
    conflicts,
    error::{PolicyError, Problem},
    parse,
    read::{self, ReadError},
    scope::Scope,
    verify,
};

/// What a set of files declares.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The scopes of the files that can be parsed, in the order of the files. Those that conflict
    /// with another are among them: look at the errors.
    pub scopes: Vec<Scope>,
    /// What is wrong with the files.
    pub errors: Vec<PolicyError>,
}

impl Loaded {
    fn into_result(self) -> Result<Vec<Scope>, Vec<PolicyError>> {
        if self.errors.is_empty() {
            Ok(self.scopes)
        } else {
            Err(self.errors)
        }
    }
}

/// Loads one scope.
pub fn load_file(file: &Path) -> Result<Scope, Vec<PolicyError>> {
    let Loaded { mut scopes, errors } = load_each(&[file.to_owned()]);
    match scopes.pop() {
        Some(scope) if errors.is_empty() => Ok(scope),
        _ => Err(errors),
    }
}

/// Loads the scopes of a directory: the entries `*.toml` that do not begin with a dot, by name.
/// Each must be a file, or a link to one.
pub fn load_dir(directory: &Path) -> Result<Vec<Scope>, Vec<PolicyError>> {
    let files = scope_files(directory).map_err(|problem| {
        vec![PolicyError {
            file: directory.to_owned(),
            place: None,
            problem: Problem::Read(problem),
        }]
    })?;
    load_files(&files)
}

/// Loads scopes that must not conflict with each other.
pub fn load_files(files: &[PathBuf]) -> Result<Vec<Scope>, Vec<PolicyError>> {
    load_each(files).into_result()
}

/// As [`load_files`], but returns the good scopes beside the errors.
pub fn load_each(files: &[PathBuf]) -> Loaded {
    let mut declared = Vec::new();
    let mut errors = Vec::new();
    for file in files {
        let found = read::read(file).and_then(|text| parse::declared(file, &text));
        match found {
            Ok(scope) => declared.push(scope),
            Err(found) => errors.extend(found),
        }
    }
    errors.extend(conflicts::check(&declared));
    errors.extend(
        declared
            .iter()
            .filter_map(|declared| verify::verify(&declared.scope)),
    );
    Loaded {
        scopes: declared
            .into_iter()
            .map(|declared| declared.scope)
            .collect(),
        errors,
    }
}

fn scope_files(directory: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.ends_with(b".toml") && !bytes.starts_with(b".") {
            files.push(directory.join(name));
        }
    }
    if files.len() > MAX_AGENTS as usize {
        let (files, limit) = (files.len(), MAX_AGENTS);
        return Err(ReadError::Files { files, limit });
    }
    files.sort();
    Ok(files)
}
