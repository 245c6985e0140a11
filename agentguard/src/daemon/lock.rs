//! Keeps a second daemon away.

use std::{
    fs::{File, TryLockError},
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
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DaemonError::Running(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
