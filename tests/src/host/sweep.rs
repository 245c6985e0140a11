//! Removal of what a process of the suite left behind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::mount::{MntFlags, umount2};

use super::{cgroup, name_of};
use crate::error::Outcome;

/// What becomes of directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directories {
    /// They go with all the rest.
    Remove,
    /// They stay, for somebody to look into.
    Keep,
}

/// The directory of a process of the suite.
pub fn directory_of(pid: u32) -> PathBuf {
    std::env::temp_dir().join(name_of(pid))
}

/// Removes everything that bears the name of a process of the suite, and says what there was.
pub fn sweep(pid: u32, directories: Directories) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let name = name_of(pid);
    for directory in cgroup::named(&name)?
        .into_iter()
        .filter(|path| bears(path, &name))
    {
        found.push(format!("cgroup {}", directory.display()));
        cgroup::remove(&directory)?;
    }
    let scratch = directory_of(pid);
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    for point in points.filter(|point| Path::new(point).starts_with(&scratch)) {
        found.push(format!("mount {point}"));
        let _ = umount2(point, MntFlags::MNT_DETACH);
    }
    if directories == Directories::Remove && scratch.exists() {
        found.push(format!("directory {}", scratch.display()));
        fs::remove_dir_all(&scratch)?;
    }
    Ok(found)
}

/// The processes of the suite that are gone and have left cgroups or directories.
pub fn stale() -> Outcome<Vec<u32>> {
    let directories = fs::read_dir(std::env::temp_dir())?.filter_map(Result::ok);
    let mut pids: Vec<u32> = cgroup::named("agtest-")?
        .iter()
        .chain(&directories.map(|entry| entry.path()).collect::<Vec<_>>())
        .filter_map(|path| path.file_name()?.to_str()?.strip_prefix("agtest-"))
        .filter_map(|rest| rest.split(['-', '.']).next()?.parse().ok())
        .filter(|pid| !Path::new(&format!("/proc/{pid}")).exists())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// Whether a path's name is this one, or this one with a suffix.
fn bears(path: &Path, name: &str) -> bool {
    let rest = path
        .file_name()
        .and_then(|file| file.to_str()?.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
}
