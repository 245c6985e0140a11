//! Everything that resolves names, from start to end.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use aya::Ebpf;

use super::{ArrivalThread, Asked, Kernel, Known, Names, RecordThread, SaveThread, Shared, lock};
use crate::{
    daemon::{directory::Directory, error::DaemonError},
    dns::{Config, Resolver, Source},
    identity::cgroup_path::CgroupPaths,
    kernel::resolvers::{Resolvers, take_arrivals},
    log::{Clock, LogHandle},
};

/// The agents with rules by name, and the threads that work for them.
pub(in crate::daemon) struct Service {
    /// The agents.
    pub names: Shared,
    /// Which names an address has.
    pub known: Arc<Known>,
    /// What was refused.
    pub asked: Arc<Asked>,
    arrivals: ArrivalThread,
    saving: SaveThread,
    records: RecordThread,
}

/// What refusals are completed with, and where they go.
pub(in crate::daemon) struct Recording {
    /// The scopes that decided them.
    pub directory: Arc<Directory>,
    /// The paths of cgroups.
    pub paths: CgroupPaths,
    /// The clocks.
    pub clock: Clock,
    /// The violation log.
    pub log: LogHandle,
}

impl Service {
    /// Begins, with no agent yet. It must be called in a Tokio runtime.
    pub(in crate::daemon) fn start(
        ebpf: &mut Ebpf,
        recording: Recording,
        source: Source,
        run_directory: &Path,
    ) -> Result<Self, DaemonError> {
        let asked = Arc::<Asked>::default();
        let (thread, records) = RecordThread::start(recording, Arc::clone(&asked))?;
        let resolver = Resolver::new(Config::default(), Vec::new());
        let kernel = Kernel::new(Resolvers::take(ebpf)?);
        let names = Names::new(kernel, resolver, source, records, run_directory)?;
        let known = names.known();
        let names = Arc::new(Mutex::new(names));
        let arrivals = ArrivalThread::start(take_arrivals(ebpf)?, Arc::clone(&names))?;
        Ok(Self {
            saving: SaveThread::start(Arc::clone(&known), run_directory)?,
            records: thread,
            names,
            known,
            asked,
            arrivals,
        })
    }

    /// Answers nobody any more, and records what is left.
    pub(in crate::daemon) fn stop(self) {
        self.arrivals.stop();
        self.saving.stop();
        lock(&self.names).stop();
        self.records.finish();
    }
}
