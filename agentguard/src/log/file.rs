//! The file that records are appended to.

use std::{
    fs::{self, DirBuilder, File, FileType, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
};

use super::LogError;

/// The log's file. It holds whole lines only, whatever happens while one is written.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    /// The file ends in the middle of a line, which has to be ended before the next.
    unterminated: bool,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Appended {
    /// Bytes of the whole lines that are in the file now, from the start of the batch.
    pub(super) bytes: usize,
    /// What went wrong, even if all lines are in the file.
    pub(super) error: Option<io::Error>,
}

impl LogFile {
    /// Opens the log to append to it, and creates it (mode 0640) and its directory (0750) if they
    /// are missing. A symbolic link, a FIFO, or anything else but a regular file is an error.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        if let Some(directory) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            DirBuilder::new()
                .recursive(true)
                .mode(0o750)
                .create(directory)
                .map_err(|source| LogError::Directory {
                    path: directory.to_owned(),
                    source,
                })?;
        }
        if let Ok(found) = fs::symlink_metadata(path) {
            regular(path, found.file_type())?;
        }
        let opened = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o640)
            // The look above can be outrun; not to follow a link, and not to wait for a FIFO's
            // other end, cannot.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path);
        let file = opened.map_err(|source| LogError::Open {
            path: path.to_owned(),
            source,
        })?;
        let unterminated = file
            .metadata()
            .and_then(|metadata| Ok((metadata.file_type(), ends_in_a_line(&file, metadata.len())?)))
            .map_err(|source| LogError::Open {
                path: path.to_owned(),
                source,
            })
            .and_then(|(kind, partial)| regular(path, kind).map(|()| partial))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            unterminated,
        })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines and syncs them. If that fails half way, the file is cut back to its last
    /// whole line.
    pub(super) fn append(&mut self, lines: &[u8]) -> Appended {
        let moved = self.follow_path();
        if let Err(error) = moved {
            // A log that was only renamed still keeps what is written to it.
            if !self.is_linked() {
                return Appended {
                    bytes: 0,
                    error: Some(error),
                };
            }
            let mut appended = self.append_here(lines);
            appended.error.get_or_insert(error);
            return appended;
        }
        self.append_here(lines)
    }

    /// Opens the path again if the file is not there any more: it was rotated or removed.
    pub(super) fn follow_path(&mut self) -> io::Result<()> {
        let here = self.file.metadata()?;
        if let Ok(there) = fs::symlink_metadata(&self.path)
            && (there.dev(), there.ino()) == (here.dev(), here.ino())
        {
            return Ok(());
        }
        *self = Self::open(&self.path).map_err(io::Error::other)?;
        Ok(())
    }

    fn is_linked(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.nlink() > 0)
    }

    fn append_here(&mut self, lines: &[u8]) -> Appended {
        if self.unterminated {
            if let (_, Some(error)) = self.write(b"\n") {
                return Appended {
                    bytes: 0,
                    error: Some(error),
                };
            }
            self.unterminated = false;
        }
        let (lines, full) = self.reserve(lines);
        let (written, error) = self.write(lines);
        let mut error = error.or(full);
        let bytes = whole_lines(&lines[..written]);
        if bytes < written {
            self.remove_partial_line(written - bytes);
        }
        if bytes > 0
            && let Err(unsynced) = self.file.sync_data()
        {
            // The lines are in the file for every reader, and count as written: to write them again
            // would double them.
            error.get_or_insert_with(|| {
                io::Error::other(format!(
                    "it may not survive a crash of the host: {unsynced}"
                ))
            });
        }
        Appended { bytes, error }
    }

    /// Takes room on the disk for the lines, or for as many of them as there is room for. So a full
    /// disk does not show as a partial line that comes and goes, which shippers would take for a
    /// new file.
    fn reserve<'a>(&self, lines: &'a [u8]) -> (&'a [u8], Option<io::Error>) {
        let mut lines = lines;
        let mut full = None;
        while !lines.is_empty() {
            match self.allocate(lines.len()) {
                Err(error @ (Errno::ENOSPC | Errno::EDQUOT)) => full = Some(error.into()),
                // Some file systems cannot: the write will tell.
                _ => break,
            }
            let half = lines.len() / 2;
            lines = &lines[..whole_lines(&lines[..half])];
        }
        (lines, full)
    }

    fn allocate(&self, bytes: usize) -> nix::Result<()> {
        let (Ok(end), Ok(bytes)) = (
            self.file
                .metadata()
                .map(|metadata| metadata.len().cast_signed()),
            i64::try_from(bytes),
        ) else {
            return Err(Errno::EINVAL);
        };
        fallocate(&self.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, end, bytes)
    }

    /// Writes as much as can be, and says how much that is.
    fn write(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    fn remove_partial_line(&mut self, partial: usize) {
        let cut = self.file.metadata().and_then(|metadata| {
            let end = metadata.len().saturating_sub(partial as u64);
            self.file.set_len(end)?;
            ends_in_a_line(&self.file, end)
        });
        // Where it cannot be removed it is ended, so that only it is lost to readers.
        self.unterminated = cut.unwrap_or(true);
    }
}

/// Bytes of the whole lines at the start.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |newline| newline + 1)
}

/// Whether a file of this length ends in the middle of a line.
fn ends_in_a_line(file: &File, length: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if length > 0 {
        file.read_at(&mut last, length - 1)?;
    }
    Ok(last != [b'\n'])
}

fn regular(path: &Path, kind: FileType) -> Result<(), LogError> {
    let found = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_symlink() => "symbolic link",
        kind if kind.is_dir() => "directory",
        kind if kind.is_fifo() => "FIFO",
        kind if kind.is_socket() => "socket",
        _ => "device",
    };
    Err(LogError::NotAFile {
        path: path.to_owned(),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_line_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path).unwrap();
        log.write(b"one\ntwo\nthr");
        log.remove_partial_line(3);
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        let appended = log.append(b"three\n");
        assert_eq!((appended.bytes, appended.error.is_none()), (6, true));
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_partial_line_that_cannot_be_removed_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path).unwrap();
        log.write(b"one\ntw");
        // It is longer than it was thought to be.
        log.remove_partial_line(1);
        log.append(b"two\n");
        assert_eq!(fs::read(&path).unwrap(), b"one\nt\ntwo\n");
    }
}
