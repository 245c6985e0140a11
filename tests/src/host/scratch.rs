//! A directory of the scenario.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::error::{Context, Outcome};

/// A directory beneath the one of this process, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    mounted: bool,
}

static NEXT: AtomicU32 = AtomicU32::new(0);
static KEEP: AtomicBool = AtomicBool::new(false);

/// From now on directories stay, for somebody to look into.
pub fn keep() {
    KEEP.store(true, Ordering::Relaxed);
}

impl Scratch {
    /// A new directory.
    pub fn new() -> Outcome<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir()
            .join(super::own_name())
            .join(number.to_string());
        fs::create_dir_all(&path).context(format!("make {}", path.display()))?;
        Ok(Self {
            path,
            mounted: false,
        })
    }

    /// A new file system of this many bytes.
    pub fn with_size(bytes: u32) -> Outcome<Self> {
        let mut scratch = Self::new()?;
        let options = format!("size={bytes}");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(
            Some("agtest"),
            &scratch.path,
            Some("tmpfs"),
            flags,
            Some(options.as_str()),
        )
        .context("mount a small file system")?;
        scratch.mounted = true;
        Ok(scratch)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if KEEP.load(Ordering::Relaxed) && !self.mounted {
            return;
        }
        if self.mounted
            && let Err(error) = umount2(&self.path, MntFlags::MNT_DETACH)
        {
            eprintln!("{} stays mounted: {error}", self.path.display());
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} stays behind: {error}", self.path.display());
        }
        // The common parent goes with the last of them.
        if let Some(parent) = self.path.parent() {
            drop(fs::remove_dir(parent));
        }
    }
}
