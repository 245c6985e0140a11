//! Scopes are loaded again when their files have changed.
//!
//! The files are looked at once a second: `docs/adr/0025-scope-files-are-polled.md` says why nobody tells us.

mod settling;

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use self::settling::{Next, Settling};
use super::Daemon;
use crate::policy::Snapshot;

/// The thread that looks at the files, until this is dropped.
///
/// Nobody waits for its end: the files can be on a file system that does not answer.
pub(super) struct Watch {
    _stop: Sender<()>,
}

impl Watch {
    /// Begins. The scopes in force were read after the files had looked like this.
    pub(super) fn start(daemon: Arc<Daemon>, seen: Snapshot) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let mut watching = Watching {
            daemon,
            files: Settling::loaded(seen),
            stopped,
        };
        thread::Builder::new()
            .name("scope-files".to_owned())
            .spawn(move || watching.run())?;
        Ok(Self { _stop: stop })
    }
}

struct Watching {
    daemon: Arc<Daemon>,
    files: Settling,
    stopped: Receiver<()>,
}

impl Watching {
    fn run(&mut self) {
        let mut pause = Duration::ZERO;
        while self.stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            pause = self.look();
        }
    }

    /// Looks once, and answers how long to wait before the next time.
    fn look(&mut self) -> Duration {
        let now = Instant::now();
        match self.files.look(self.snapshot(), now) {
            Next::Look(pause) => return pause,
            Next::LoadSettled => {
                let is_still = || self.files.is_still(&self.snapshot());
                if self.load(is_still) {
                    self.files.have_settled();
                }
            }
            Next::LoadAnyway => {
                if self.load(|| true) {
                    self.files.go_on(now);
                }
            }
        }
        Duration::ZERO
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.daemon.args.agents)
    }

    fn load(&self, holds: impl FnOnce() -> bool) -> bool {
        let is_stopped = || self.stopped.try_recv() == Err(TryRecvError::Disconnected);
        self.daemon.load_changed(|| !is_stopped() && holds())
    }
}
