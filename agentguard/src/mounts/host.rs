//! What a path without links is to the kernel side, and where links are.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{HostNames, Mount, MountTable, MountTableError, names::joined, proc::is_host_proc};
use crate::policy::{Host, HostPaths, Link};

/// The file system as this process sees it, by the mount table of a moment.
///
/// Nobody is asked who could keep us waiting, or tell what is not so: what a server or a user's program
/// answers for has no links.
#[derive(Clone, Debug)]
pub struct MountedHost {
    table: MountTable,
    names: HostNames,
}

impl MountedHost {
    /// Reads the mount table.
    pub fn read() -> Result<Self, MountTableError> {
        let table = MountTable::read()?;
        let names = HostNames::choose(&table, |mount| is_host_proc(&table, mount));
        Ok(Self { table, names })
    }

    /// The mount that a path without links leads to, and the rest of the path on it.
    fn mount<'a>(&self, path: &'a Path) -> Option<(&Mount, &'a Path)> {
        let mut mounts = path.ancestors().filter_map(|it| self.table.at(it));
        let mount = mounts.next()?;
        Some((mount, path.strip_prefix(&mount.mount_point).ok()?))
    }
}

/// This host, for a command that can do without its mounts: a path is then taken for what it is called.
pub fn this_host() -> Box<dyn HostPaths> {
    match MountedHost::read() {
        Ok(host) => Box::new(host),
        Err(error) => {
            eprintln!("agentguard: mounts are not looked at: {error}");
            Box::new(Host)
        }
    }
}

impl HostPaths for MountedHost {
    fn link(&self, path: &Path) -> io::Result<Option<Link>> {
        let answered = |path| self.table.at(path).is_some_and(Mount::is_answered_for);
        if path.ancestors().any(answered) {
            return Ok(None);
        }
        let (mount, rest) = self.mount(path).ok_or(io::ErrorKind::NotFound)?;
        // A link for whoever asks leads to ourselves.
        let is_own = rest == Path::new("self") || rest == Path::new("thread-self");
        if rest.as_os_str().is_empty() || is_own && mount.type_name() == b"proc" {
            return Ok(None);
        }
        Host.link(path)
    }

    fn place(&self, path: PathBuf) -> PathBuf {
        let place = self.mount(&path).and_then(|(mount, rest)| {
            let within = joined(mount.root.as_deref()?, rest);
            self.names.host_path(mount.device, &within)
        });
        place.unwrap_or(path)
    }

    fn ignores_case(&self, directory: &Path) -> bool {
        let answered = |path| self.table.at(path).is_some_and(Mount::is_answered_for);
        !directory.ancestors().any(answered) && Host.ignores_case(directory)
    }
}
