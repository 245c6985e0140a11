//! The mount table, and which of its mounts a path leads to.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{Mount, MountError, visibility};

/// The mount table of the calling thread: that of the process, since no thread of it has one of its
/// own.
const TABLE: &str = "/proc/thread-self/mountinfo";

/// Why there is no mount table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountTableError {
    /// It cannot be read.
    #[error("cannot read {TABLE}: {0}; mount /proc")]
    Read(#[from] io::Error),
    /// A line is not as the kernel writes them.
    #[error("{TABLE}, line {line}: {error}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        error: MountError,
    },
    /// No mount is the root.
    #[error(
        "no mount is at /, because this process has another root directory than its host (chroot); \
         start it where / is a mount"
    )]
    NoRoot,
}

/// The mounts of a mount namespace, in the order of the table: those made earlier come first.
#[derive(Clone, Debug)]
pub struct MountTable {
    mounts: Vec<Mount>,
    /// Indexes of those that a path leads to, in the same order.
    visible: Vec<usize>,
    by_id: HashMap<u64, usize>,
    by_mount_point: HashMap<PathBuf, usize>,
}

impl MountTable {
    /// Reads the table of the calling process.
    pub fn read() -> Result<Self, MountTableError> {
        Self::read_again(&mut Self::open()?)
    }

    /// Opens the table of the calling process. `poll(2)` reports `POLLPRI` after each change.
    pub(super) fn open() -> io::Result<File> {
        File::open(TABLE)
    }

    /// Reads a table that was opened, from its beginning.
    pub(super) fn read_again(file: &mut File) -> Result<Self, MountTableError> {
        file.seek(SeekFrom::Start(0))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Self::parse(&text)
    }

    /// Reads the text of a table.
    pub fn parse(text: &[u8]) -> Result<Self, MountTableError> {
        let lines = text.strip_suffix(b"\n").unwrap_or(text);
        let mounts = lines
            .split(|&byte| byte == b'\n')
            .enumerate()
            .map(|(index, line)| {
                Mount::parse(line).map_err(|error| MountTableError::Line {
                    line: index + 1,
                    error,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let by_id = mounts
            .iter()
            .enumerate()
            .map(|(index, mount)| (mount.id, index))
            .collect();
        let visible = visibility::visible(&mounts).ok_or(MountTableError::NoRoot)?;
        let by_mount_point = visible
            .iter()
            .filter_map(|&index| Some((mounts.get(index)?.mount_point.clone(), index)))
            .collect();
        Ok(Self {
            mounts,
            visible,
            by_id,
            by_mount_point,
        })
    }

    /// Every mount.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The mounts whose mount point leads to them: nothing is mounted over them.
    pub fn visible(&self) -> impl Iterator<Item = &Mount> {
        self.visible
            .iter()
            .filter_map(|&index| self.mounts.get(index))
    }

    /// The mount with this number.
    pub fn mount(&self, id: u64) -> Option<&Mount> {
        self.by_id
            .get(&id)
            .and_then(|&index| self.mounts.get(index))
    }

    /// The mount that a path leads to, if it is a mount point.
    pub fn at(&self, path: &Path) -> Option<&Mount> {
        let index = *self.by_mount_point.get(path)?;
        self.mounts.get(index)
    }

    /// The mounts from the one that this one is mounted on to the root.
    pub fn above<'a>(&'a self, mount: &'a Mount) -> impl Iterator<Item = &'a Mount> {
        let parent = |mount: &Mount| self.mount(mount.parent).filter(|it| it.id != mount.id);
        // A table that was read while it changed could have a circle.
        std::iter::successors(parent(mount), move |mount| parent(mount)).take(self.mounts.len())
    }
}
