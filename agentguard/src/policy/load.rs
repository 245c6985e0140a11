//! Files and directories to scopes.

use std::path::{Path, PathBuf};

use agentguard_common::limits::MAX_AGENTS;

use super::{
    conflicts,
    error::{PolicyError, Problem},
    host_paths::{HostPaths, Remembered},
    names, parse,
    read::{self, ReadError},
    resolve::{self, Note},
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
    /// What there is to know about rules on this host, each with the file of its scope.
    pub notes: Vec<(PathBuf, Note)>,
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
pub fn load_file(file: &Path, host: &dyn HostPaths) -> Result<Scope, Vec<PolicyError>> {
    let Loaded {
        mut scopes, errors, ..
    } = load_each(&[file.to_owned()], host);
    match scopes.pop() {
        Some(scope) if errors.is_empty() => Ok(scope),
        _ => Err(errors),
    }
}

/// Loads the scopes of a directory: the entries `*.toml` that do not begin with a dot, by name.
/// Each must be a file, or a link to one. Paths in them are those of this host.
pub fn load_dir(directory: &Path, host: &dyn HostPaths) -> Result<Vec<Scope>, Vec<PolicyError>> {
    let files = scope_files(directory).map_err(|problem| {
        vec![PolicyError {
            file: directory.to_owned(),
            place: None,
            problem: Problem::Read(problem),
        }]
    })?;
    load_files(&files, host)
}

/// Loads scopes that must not conflict with each other. Rules that do not do what they seem to are logged.
pub fn load_files(files: &[PathBuf], host: &dyn HostPaths) -> Result<Vec<Scope>, Vec<PolicyError>> {
    let loaded = load_each(files, host);
    for (file, note) in loaded.notes.iter().filter(|(_, note)| note.is_warning) {
        tracing::warn!("{}: {note}", file.display());
    }
    loaded.into_result()
}

/// As [`load_files`], but returns the good scopes beside the errors.
pub fn load_each(files: &[PathBuf], host: &dyn HostPaths) -> Loaded {
    let mut declared = Vec::new();
    let mut errors = Vec::new();
    let mut notes = Vec::new();
    let host = Remembered::new(host);
    for file in files {
        let found = read::read(file).and_then(|text| parse::declared(file, &text));
        match found {
            Ok(mut found) => {
                let mut of_file = resolve::resolve(&mut found.scope, &host);
                of_file.extend(names::notes(&found.scope));
                notes.extend(of_file.into_iter().map(|note| (file.clone(), note)));
                declared.push(found);
            }
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
        notes,
    }
}

pub(super) fn scope_files(directory: &Path) -> Result<Vec<PathBuf>, ReadError> {
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
