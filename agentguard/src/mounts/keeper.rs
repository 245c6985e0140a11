//! Keeps the kernel's tables as the mount table is.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{
    HostNames, HostTables, LeftOut, MountTable, MountTableError, Outcome, Why,
    proc::is_host_proc,
    update::{Written, update},
};
use crate::kernel::tables::TableError;

/// After an error it is tried again after so many milliseconds.
const RETRY: u16 = 1000;

/// Updates take at most one part in so many of the thread's time, however fast mounts come and go.
const SHARE: u32 = 5;

/// A pause between two updates is at most so long.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Why the tables could not be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// There is no mount table.
    #[error(transparent)]
    Mounts(#[from] MountTableError),
    /// A table of the kernel side cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Not everything that root mounted fits.
    #[error("{0}, and {1} more; unmount what is not needed")]
    Full(LeftOut, usize),
    /// There is no thread.
    #[error("cannot watch the mount table: {0}")]
    Start(#[from] io::Error),
}

/// The thread that keeps the tables.
#[derive(Debug)]
pub struct Keeper {
    thread: JoinHandle<()>,
    stop: OwnedFd,
    left_out: Shared,
}

/// What is mounted and is in no table.
type Shared = Arc<Mutex<Vec<LeftOut>>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Vec<LeftOut>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// Fills the tables, and keeps them as the mount table changes.
    pub fn start<T: HostTables + Send + 'static>(tables: T) -> Result<Self, KeeperError> {
        // Opened first: what changes from now on is reported.
        let file = MountTable::open().map_err(MountTableError::from)?;
        let left_out = Shared::default();
        let mut keeping = Keeping {
            file,
            tables,
            written: Written::default(),
            left_out: Arc::clone(&left_out),
        };
        let outcome = keeping.refresh()?;
        // Users can mount as much as they like. That must not keep us from starting.
        let mut without_room = outcome
            .left_out
            .iter()
            .filter(|it| it.why == Why::NoRoom && !it.is_a_users);
        if let Some(first) = without_room.next() {
            return Err(KeeperError::Full(first.clone(), without_room.count()));
        }
        let (stopped, stop) = io::pipe()?;
        let thread = thread::Builder::new()
            .name("mounts".to_owned())
            .spawn(move || keeping.run(&stopped))?;
        Ok(Self {
            thread,
            stop: stop.into(),
            left_out,
        })
    }

    /// What is mounted and is in no table: agents with file rules are refused there.
    pub fn left_out(&self) -> Vec<LeftOut> {
        lock(&self.left_out).clone()
    }

    /// Leaves the tables as they are, and ends.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that watches the mount table panicked");
        }
    }
}

struct Keeping<T> {
    file: File,
    tables: T,
    written: Written,
    left_out: Shared,
}

impl<T: HostTables> Keeping<T> {
    fn run(&mut self, stopped: &impl AsFd) {
        let mut timeout = PollTimeout::NONE;
        loop {
            let mut fds = [
                PollFd::new(self.file.as_fd(), PollFlags::POLLPRI),
                PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, timeout) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    tracing::error!("cannot wait for a change of the mount table: {error}");
                    if is_stopped_within(stopped, Duration::from_millis(RETRY.into())) {
                        return;
                    }
                }
            }
            if fds[1].any().unwrap_or(true) {
                return;
            }
            let begun = Instant::now();
            timeout = match self.refresh() {
                Ok(_) => PollTimeout::NONE,
                Err(error) => {
                    tracing::error!("where files are on the host is not up to date: {error}");
                    PollTimeout::from(RETRY)
                }
            };
            let pause = begun.elapsed() * (SHARE - 1);
            if is_stopped_within(stopped, pause.min(MAX_PAUSE)) {
                return;
            }
        }
    }

    fn refresh(&mut self) -> Result<Outcome, KeeperError> {
        let table = MountTable::read_again(&mut self.file)?;
        let names = HostNames::choose(&table, |mount| is_host_proc(&table, mount));
        let outcome = update(&mut self.tables, &names, &mut self.written)?;
        let mut known = lock(&self.left_out);
        for new in outcome.left_out.iter().filter(|it| !known.contains(it)) {
            // A user could fill the log.
            if !new.is_a_users {
                tracing::warn!("{new}");
            }
        }
        known.clone_from(&outcome.left_out);
        Ok(outcome)
    }
}

/// Waits, and says whether it was told to stop.
fn is_stopped_within(stopped: &impl AsFd, pause: Duration) -> bool {
    let mut fds = [PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
    // Whole milliseconds, rounded up.
    let pause = pause + Duration::from_micros(999);
    let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::from(RETRY));
    // An early end by a signal makes one pause shorter.
    matches!(poll(&mut fds, timeout), Ok(count) if count > 0)
}
