//! Whether the story can be played on this host.

use std::path::Path;

use super::site::ROOT;
use crate::{daemon::Doctor, error::Outcome, world::ip};

/// What `agentguard doctor` says first of why the kernel cannot hold agents to their rules for files.
const NO_LSM: &str = "no BPF LSM";

/// Why it cannot, in one line; nothing if it can.
pub fn unsuitable(program: &Path) -> Outcome<Option<String>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(Some("loading BPF programs needs root".into()));
    }
    if let Err(error) = ip::program() {
        return Ok(Some(error.to_string()));
    }
    // The story has another one, in which they would not be.
    let own = std::env::current_exe()?;
    if !Path::new(ROOT).is_dir() {
        return Ok(Some(format!("there is no {ROOT}")));
    }
    if [program, &own].iter().any(|file| file.starts_with(ROOT)) {
        return Ok(Some(format!("the programs are beneath {ROOT}")));
    }
    let doctor = Doctor::ask(program)?;
    if let Some(missing) = doctor.missing() {
        return Ok(Some(missing));
    }
    let why = doctor.files_are_not_enforced()?;
    // What there is instead is another story.
    Ok(why.map(|why| {
        why.find(NO_LSM)
            .map_or(why.clone(), |at| why[at..].to_owned())
    }))
}
