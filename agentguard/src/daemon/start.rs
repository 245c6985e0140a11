//! What a start needs, and whether the host has it. Nothing here changes the kernel.

use std::{fs, io, path::Path};

use super::{error::DaemonError, files, guard::Guard};
use crate::{
    cli::daemon::DaemonArgs,
    kernel::{
        btf::BtfError, files::FileSupport, object::Sizes, probe, protection::Protection,
        types::KernelTypes,
    },
    mounts::MountedHost,
    policy::{Scope, load_dir},
};

/// How many cgroups and instances the tables are made for.
pub(super) fn sizes(args: &DaemonArgs) -> Sizes {
    Sizes {
        max_cgroups: args.max_cgroups,
        max_instances: args.max_instances + args.max_declared,
    }
}

/// The scopes, and one that allows nothing for each agent that still runs and has none.
pub(super) fn with_orphans(guard: &Guard, scopes: Vec<Scope>) -> io::Result<Vec<Scope>> {
    let mut all = guard.orphans(&scopes)?;
    for orphan in &all {
        tracing::warn!(
            "agent '{}' has processes and no scope: it may reach nothing",
            orphan.agent.name
        );
    }
    all.extend(scopes);
    Ok(all)
}

/// Reads the scopes of a directory, whose paths are those of this host.
pub(super) fn load_scopes(directory: &Path) -> Result<Vec<Scope>, DaemonError> {
    load_dir(directory, &MountedHost::read()?).map_err(DaemonError::Scopes)
}

/// What this host has, or the first thing that it lacks and that we need.
pub(super) fn preflight(
    types: &Result<KernelTypes, BtfError>,
) -> Result<Vec<Protection>, DaemonError> {
    let protections = probe::needed(types);
    if let Some(missing) = probe::missing(&protections).next() {
        let remedy = missing.remedy.iter().map(|remedy| format!("; {remedy}"));
        return Err(DaemonError::Unsuitable(format!(
            "{}: {}{}; `agentguard doctor` lists all",
            missing.name,
            missing.detail,
            remedy.collect::<String>()
        )));
    }
    Ok(protections)
}

/// Whether this host has what the scopes require.
pub(super) fn suffices(support: &FileSupport, scopes: &[Scope]) -> Result<(), DaemonError> {
    let lacking = files::lacking(scopes, support);
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(DaemonError::Lacking(lacking))
    }
}

pub(super) fn make_directory(path: &Path) -> Result<(), DaemonError> {
    fs::create_dir_all(path).map_err(|source| DaemonError::File {
        path: path.to_owned(),
        source,
    })
}
