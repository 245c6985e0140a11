//! The programs that the agent uses.

use std::path::PathBuf;

use crate::error::{Outcome, failed};

/// Where a program is. The system's own comes first: what shadows it in `PATH` is often a script
/// that starts a dozen processes.
pub(super) fn find(program: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = ["/usr/bin", "/bin"]
        .into_iter()
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(program))
        .find(|file| file.is_file());
    match found {
        Some(file) => Ok(file),
        None => failed(format!(
            "{program} is not installed; `cargo xtask setup` installs it"
        )),
    }
}

/// Fails if a program is missing.
pub fn check_tools() -> Outcome {
    for program in ["curl", "python3"] {
        find(program)?;
    }
    match crate::world::ip::program() {
        Ok(_) => Ok(()),
        Err(error) => failed(format!("{error}; `cargo xtask setup` installs it")),
    }
}
