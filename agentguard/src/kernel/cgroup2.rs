//! Where cgroup v2 is.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use crate::mounts::{Mount, MountTable, MountTableError};

/// Why the cgroup v2 hierarchy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cgroup2Error {
    /// The mount table cannot be read.
    #[error(transparent)]
    MountTable(#[from] MountTableError),
    /// It is not mounted.
    #[error(
        "cgroup v2 is not mounted; boot with systemd.unified_cgroup_hierarchy=1, or \
         `mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`"
    )]
    NotMounted,
}

/// A mount of the cgroup v2 hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup2 {
    /// The directory of the root cgroup: `/sys/fs/cgroup`, or another one on hybrid hosts.
    pub mount_point: PathBuf,
    /// Whether cgroups cannot be made through this mount, as in most containers.
    pub read_only: bool,
}

/// Finds the mount by which the whole hierarchy is seen; one that can be written to if there is
/// more than one.
pub fn find() -> Result<Cgroup2, Cgroup2Error> {
    let table = MountTable::read()?;
    let mut mounts: Vec<Cgroup2> = table.visible().filter_map(hierarchy).collect();
    mounts.sort_by_key(|mount| mount.read_only);
    mounts.into_iter().next().ok_or(Cgroup2Error::NotMounted)
}

/// The hierarchy that a mount shows, if it shows the whole of one.
fn hierarchy(mount: &Mount) -> Option<Cgroup2> {
    (mount.kind == b"cgroup2" && mount.is_whole()).then(|| Cgroup2 {
        mount_point: mount.mount_point.clone(),
        read_only: mount.read_only,
    })
}

impl Cgroup2 {
    /// The directory of a cgroup, from its path as `/proc/PID/cgroup` has it.
    pub fn directory(&self, cgroup: &str) -> PathBuf {
        self.mount_point.join(cgroup.trim_start_matches('/'))
    }

    /// The path of a cgroup, as `/proc/PID/cgroup` has it, from its directory; `None` if it is not
    /// below this mount.
    pub fn cgroup(&self, directory: &Path) -> Option<OsString> {
        let below = directory.strip_prefix(&self.mount_point).ok()?;
        let mut path = b"/".to_vec();
        path.extend_from_slice(below.as_os_str().as_bytes());
        Some(OsString::from_vec(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Cgroup2> {
        hierarchy(&Mount::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn unified_and_hybrid_mounts_are_found() {
        let unified =
            "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        let hybrid = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        for (line, path) in [
            (unified, "/sys/fs/cgroup"),
            (hybrid, "/sys/fs/cgroup/unified"),
        ] {
            let mount = parse(line).unwrap();
            assert_eq!(mount.mount_point, Path::new(path));
            assert!(!mount.read_only);
        }
    }

    #[test]
    fn other_mounts_are_not() {
        for line in [
            "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
            "35 24 0:30 /system.slice /mnt rw - cgroup2 cgroup2 rw",
            "35 24 0:30 / /mnt/cgroup2 rw - tmpfs cgroup2 rw",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_container_s_mount_is_read_only() {
        let mount = parse("35 24 0:30 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw").unwrap();
        assert!(mount.read_only);
    }

    #[test]
    fn paths_and_directories_agree() {
        let mount = Cgroup2 {
            mount_point: "/sys/fs/cgroup/unified".into(),
            read_only: false,
        };
        for (cgroup, directory) in [
            ("/", "/sys/fs/cgroup/unified"),
            ("/a/b", "/sys/fs/cgroup/unified/a/b"),
        ] {
            assert_eq!(mount.directory(cgroup), Path::new(directory));
            assert_eq!(mount.cgroup(Path::new(directory)).unwrap(), cgroup);
        }
        assert_eq!(mount.cgroup(Path::new("/sys/fs/cgroup")), None);
    }
}
