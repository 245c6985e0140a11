//! What was learned, kept for the next daemon.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::Known;
use crate::dns::Agent;

/// A daemon that is killed has kept what is older than this, and the time that it takes to write it.
const PERIOD: Duration = Duration::from_millis(100);
/// Writing takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// The thread that writes.
#[derive(Debug)]
pub(in crate::daemon) struct SaveThread {
    thread: JoinHandle<()>,
    stop: Sender<()>,
}

impl SaveThread {
    /// Starts it. What is known of each agent is in a file of its own in `run_directory`.
    pub(in crate::daemon) fn start(known: Arc<Known>, run_directory: &Path) -> io::Result<Self> {
        let directory = directory(run_directory);
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("saving".to_owned())
            .spawn(move || {
                let mut pause = PERIOD;
                while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    let begun = Instant::now();
                    known.each(|name, agent| save(&directory, name, agent));
                    pause = PERIOD.max(begun.elapsed() * SHARE);
                }
            })?;
        Ok(Self { thread, stop })
    }

    /// Ends it.
    pub(in crate::daemon) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that keeps what was learned panicked");
        }
    }
}

/// Where the files are.
pub(super) fn directory(run_directory: &Path) -> PathBuf {
    run_directory.join("names")
}

/// Writes what an agent knows, if that has changed.
pub(super) fn save(directory: &Path, name: &str, agent: &Agent) {
    let saved = fs::create_dir_all(directory).and_then(|()| agent.save(&directory.join(name)));
    if let Err(error) = saved {
        tracing::warn!("cannot keep what '{name}' knows of names over a restart: {error}");
    }
}
