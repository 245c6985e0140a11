//! What the scope files of a directory look like from outside: enough to notice that they changed.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::load::scope_files;

/// The scope files that a directory has, and what the file system says of each. Two are equal as long
/// as the files are the same; none is opened.
///
/// Paths and links are followed from the start each time: another directory in the place of this
/// one, or another file behind a link, is a change like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Result<Vec<Entry>, String>);

/// A file, or the number of the error that says why it is none.
type Entry = (PathBuf, Result<Stamp, Option<i32>>);

/// What changes with a file. Nobody but the kernel sets `changed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Snapshot {
    /// Looks at a directory as [`load_dir`](super::load_dir) does.
    pub fn take(directory: &Path) -> Self {
        let files = scope_files(directory).map_err(|error| error.to_string());
        Self(files.map(|files| {
            files
                .into_iter()
                .map(|file| {
                    let seen = stamp(&file);
                    (file, seen)
                })
                .collect()
        }))
    }
}

fn stamp(file: &Path) -> Result<Stamp, Option<i32>> {
    let metadata = fs::metadata(file).map_err(|error| error.raw_os_error())?;
    Ok(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}
