//! From a cgroup's id to its path.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
};

use crate::kernel::cgroup2::Cgroup2;

/// Paths that are remembered at most.
const MAX_REMEMBERED: usize = 4096;

/// Looks up the paths of cgroups. An id is never given to a second cgroup, so paths are remembered.
#[derive(Debug)]
pub struct CgroupPaths {
    cgroups: Cgroup2,
    mount: File,
    seen: HashMap<u64, String>,
}

/// `struct file_handle` of a kernfs node: its id (`FILEID_KERNFS`, Linux 5.5).
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    id: u64,
}

impl CgroupPaths {
    /// Opens the hierarchy.
    pub fn new(cgroups: Cgroup2) -> io::Result<Self> {
        Ok(Self {
            mount: File::open(&cgroups.mount_point)?,
            cgroups,
            seen: HashMap::new(),
        })
    }

    /// The path of a cgroup as `/proc/PID/cgroup` has it, or `None` if the cgroup is gone.
    pub fn path(&mut self, id: u64) -> Option<String> {
        if let Some(path) = self.seen.get(&id) {
            return Some(path.clone());
        }
        let path = self.look(id)?;
        if self.seen.len() >= MAX_REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(id, path.clone());
        Some(path)
    }

    fn look(&self, id: u64) -> Option<String> {
        const FILEID_KERNFS: i32 = 0xfe;
        let mut handle = Handle {
            bytes: 8,
            kind: FILEID_KERNFS,
            id,
        };
        // SAFETY: the handle has the size that it says, and both it and the mount live.
        let fd = unsafe {
            libc::open_by_handle_at(
                self.mount.as_raw_fd(),
                (&raw mut handle).cast(),
                libc::O_PATH | libc::O_CLOEXEC,
            )
        };
        if fd < 0 {
            return None;
        }
        // SAFETY: the kernel just made the descriptor; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let directory = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
        let path = self.cgroups.cgroup(&directory)?;
        // A removed directory's name has " (deleted)" behind it.
        let removed = fs::metadata(&directory).is_err();
        (!removed).then(|| lossy(path))
    }
}

fn lossy(path: OsString) -> String {
    String::from_utf8_lossy(&path.into_vec()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::kernel::cgroup2;

    #[test]
    fn a_cgroup_is_found_by_its_id() {
        let cgroups = cgroup2::find().unwrap();
        let name = format!("agentguard-unit-{}", std::process::id());
        let directory = cgroups.mount_point.join(&name);
        fs::create_dir(&directory).unwrap();
        let id = fs::metadata(&directory).unwrap().ino();
        let mut paths = CgroupPaths::new(cgroups).unwrap();
        let found = paths.path(id);
        fs::remove_dir(&directory).unwrap();
        assert_eq!(found, Some(format!("/{name}")));
        assert_eq!(paths.look(id), None);
    }
}
