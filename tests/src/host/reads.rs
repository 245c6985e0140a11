//! Whether somebody has read a file.

use std::path::Path;

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};

use crate::error::{Context, Outcome};

/// Notices who reads a file and closes it, as long as it is the same file.
#[derive(Debug)]
pub struct Reads(Inotify);

impl Reads {
    /// From now on.
    pub fn of(path: &Path) -> Outcome<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)
            .context("notice who reads")?;
        inotify
            .add_watch(path, AddWatchFlags::IN_CLOSE_NOWRITE)
            .context(format!("notice who reads {}", path.display()))?;
        Ok(Self(inotify))
    }

    /// Whether somebody has, since the last time that this was asked.
    pub fn any(&self) -> Outcome<bool> {
        match self.0.read_events() {
            Ok(events) => Ok(!events.is_empty()),
            Err(Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error).context("notice who reads"),
        }
    }
}
