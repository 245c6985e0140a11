//! Keeps a second daemon away.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use super::error::DaemonError;

/// The lock on the run directory, held for the life of the daemon. The kernel lets go of it with
/// the process, however that ends.
#[derive(Debug)]
pub(super) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock.
    pub(super) fn take(path: &Path) -> Result<Self, DaemonError> {
        let failed = |source| DaemonError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        Self::lock(file, path)
    }

    /// Locks a directory, which is made if it is not there.
    pub(super) fn take_directory(path: &Path) -> Result<Self, DaemonError> {
        let failed = |source| DaemonError::File {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        Self::lock(File::open(path).map_err(failed)?, path)
    }

    fn lock(file: File, path: &Path) -> Result<Self, DaemonError> {
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DaemonError::Running(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(DaemonError::File {
                path: path.to_owned(),
                source,
            }),
        }
    }
}
