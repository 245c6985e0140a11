//! A directory to mount things in that nobody else sees.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};
use tempfile::TempDir;

/// What a call that mounts does not need.
pub(crate) const NONE: Option<&str> = None;

/// The directory. What is mounted there goes with the thread.
pub(crate) struct Stage {
    directory: TempDir,
}

impl Stage {
    /// A new one, and a mount namespace of the thread's own.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        unshare(CloneFlags::CLONE_NEWNS).expect("this test needs root");
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).unwrap();
        Self { directory }
    }

    /// The path of what has a name in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a directory.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Makes a file, and the directories that it is in.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        path
    }

    /// Mounts a file system on a directory, which is made if need be.
    pub(crate) fn mount(&self, kind: &str, name: &str, options: &str) -> PathBuf {
        let path = self.directory(name);
        mount(
            Some("agtest"),
            &path,
            Some(kind),
            MsFlags::empty(),
            Some(options),
        )
        .unwrap();
        path
    }

    /// Unmounts what is mounted in it.
    pub(crate) fn unmount(&self, path: &Path) {
        assert!(path.starts_with(self.directory.path()));
        umount2(path, MntFlags::MNT_DETACH).unwrap();
    }
}

/// Mounts what is at one place at another, too, which must exist.
pub(crate) fn bind(from: &Path, to: &Path) {
    mount(Some(from), to, NONE, MsFlags::MS_BIND, NONE).unwrap();
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed().as_secs() < 20, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
