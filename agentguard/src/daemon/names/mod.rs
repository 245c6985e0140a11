//! Names: the [resolver](crate::dns), with the scopes that say what may be asked, the tables that learn, and sockets
//! wherever agents are.
//!
//! ```text
//! scope → rules ─┐
//! kernel table ──┤→ dns::Agent → Listener, one for each network namespace → records → log
//! kernel askers ─┘
//! ```

mod adapters;
mod arrivals;
mod known;
mod records;
mod saving;
mod served;
mod service;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Handle;

pub use self::known::Known;
pub(super) use self::served::Kernel;
use self::{adapters::Rules, served::Served};
pub(super) use self::{
    arrivals::ArrivalThread,
    records::{Asked, RecordThread},
    saving::SaveThread,
    service::{Recording, Service},
};
use crate::{
    dns::{Agent, Records, Resolver, Source},
    kernel::tables::{NewNames, TableError},
    namespaces::Namespace,
    policy::Scope,
};

/// Why names of an agent cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum NamesError {
    /// A network namespace cannot be looked at, or no sockets be made in it.
    #[error("cannot answer questions for names in a network namespace: {0}")]
    Namespace(#[from] io::Error),
    /// The kernel cannot be told.
    #[error(transparent)]
    Table(#[from] TableError),
    /// More agents in more network namespaces than the kernel has room for.
    #[error("there is no room for questions of another agent in another network namespace")]
    NoRoom,
}

/// The agents that have rules by name.
pub(super) struct Names {
    resolver: Arc<Resolver>,
    source: Source,
    /// Why the upstream servers are not known, if it was said.
    complaint: Option<String>,
    kernel: Arc<Kernel>,
    records: Arc<dyn Records>,
    known: Arc<Known>,
    host: Namespace,
    /// Where what was learned survives the daemon.
    directory: PathBuf,
    runtime: Handle,
    agents: BTreeMap<u32, Named>,
}

/// One of them.
struct Named {
    name: String,
    agent: Arc<Agent>,
    /// Where it is answered, by the cookie of the network namespace.
    served: BTreeMap<u64, Served>,
}

impl Named {
    fn serve(
        &mut self,
        kernel: &Arc<Kernel>,
        slot: u32,
        namespace: &Namespace,
    ) -> Result<(), NamesError> {
        if !self.served.contains_key(&namespace.cookie()) {
            let served = Served::begin(kernel, slot, &self.agent, namespace)?;
            self.served.insert(namespace.cookie(), served);
        }
        Ok(())
    }
}

/// They are shared by those who load scopes, and those who see where agents go.
pub(super) type Shared = Arc<Mutex<Names>>;

/// Locks them. No step leaves them half changed.
pub(super) fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Names {
    /// Nobody yet. It must be called in a Tokio runtime, in which questions are answered from then on.
    pub(super) fn new(
        kernel: Kernel,
        resolver: Arc<Resolver>,
        source: Source,
        records: Arc<dyn Records>,
        run_directory: &Path,
    ) -> io::Result<Self> {
        Ok(Self {
            resolver,
            source,
            complaint: None,
            kernel: Arc::new(kernel),
            records,
            known: Arc::default(),
            host: Namespace::own()?,
            directory: saving::directory(run_directory),
            runtime: Handle::current(),
            agents: BTreeMap::new(),
        })
    }

    /// Who knows which names an address has.
    pub(super) fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known)
    }

    /// Prepares for scopes that are about to be in force: their tables hold what is known, and questions are answered
    /// by them. [`settle`](Self::settle) or [`revert`](Self::revert) must follow, also after an error.
    pub(super) fn prepare(
        &mut self,
        new: &[NewNames],
        scope_of: impl Fn(u32) -> Option<Arc<Scope>>,
    ) -> io::Result<()> {
        for names in new {
            let (Some(table), Some(scope)) = (&names.new, scope_of(names.agent)) else {
                continue;
            };
            let rules = Arc::new(Rules::new(&scope, names.version));
            if let Some(named) = self.agents.get(&names.agent) {
                named
                    .agent
                    .replace(rules, Arc::clone(table) as _)
                    .map_err(io::Error::other)?;
                continue;
            }
            let agent = Agent::new(
                names.agent,
                rules,
                Arc::clone(table) as _,
                Arc::clone(&self.resolver),
                Arc::clone(&self.records),
            );
            let name = scope.agent.name.clone();
            self.restore(&agent, &name);
            let mut named = Named {
                name,
                agent,
                served: BTreeMap::new(),
            };
            let _entered = self.runtime.enter();
            named
                .serve(&self.kernel, names.agent, &self.host)
                .map_err(io::Error::other)?;
            self.agents.insert(names.agent, named);
        }
        self.look_upstream();
        Ok(())
    }

    /// The scopes are in force.
    pub(super) fn settle(&mut self, new: &[NewNames]) {
        for names in new {
            if names.new.is_none() {
                self.remove(names.agent, true);
            } else if let Some(named) = self.agents.get(&names.agent) {
                named.agent.settle();
                self.known.insert(names.agent, &named.name, &named.agent);
            }
        }
    }

    /// The scopes are not in force, and those that were are.
    pub(super) fn revert(&mut self, new: &[NewNames]) {
        for names in new {
            if names.old.is_none() {
                self.remove(names.agent, false);
            } else if let Some(named) = self.agents.get(&names.agent) {
                named.agent.revert();
            }
        }
    }

    /// Answers an agent wherever a process is. Agents without rules by name ask whom they like.
    pub(super) fn serve_process(&mut self, slot: u32, pid: u32) -> Result<(), NamesError> {
        if !self.agents.contains_key(&slot) {
            return Ok(());
        }
        let namespace = Namespace::of_process(pid)?;
        self.serve(slot, &namespace)
    }

    /// Answers an agent in a network namespace.
    pub(super) fn serve(&mut self, slot: u32, namespace: &Namespace) -> Result<(), NamesError> {
        let _entered = self.runtime.enter();
        match self.agents.get_mut(&slot) {
            Some(named) => named.serve(&self.kernel, slot, namespace),
            None => Ok(()),
        }
    }

    /// To be called about once a second. `inhabited` finds the inodes of the network namespaces that an agent's
    /// processes are in; it is asked only about agents that are answered elsewhere than on the host.
    pub(super) fn tick(
        &mut self,
        boot_ns: u64,
        mut inhabited: impl FnMut(u32) -> io::Result<BTreeSet<u64>>,
    ) {
        self.look_upstream();
        for (slot, named) in &mut self.agents {
            named.agent.tick(boot_ns);
            let host = self.host.cookie();
            if named.served.keys().all(|cookie| *cookie == host) {
                continue;
            }
            match inhabited(*slot) {
                Ok(inodes) => named
                    .served
                    .retain(|cookie, served| *cookie == host || served.is_wanted(&inodes)),
                Err(error) => tracing::warn!("cannot see where '{}' is: {error}", named.name),
            }
        }
    }

    /// The resolver's view of an agent, if it has rules by name.
    pub(super) fn agent(&self, slot: u32) -> Option<Arc<Agent>> {
        self.agents.get(&slot).map(|named| Arc::clone(&named.agent))
    }

    /// Answers nobody any more. What was learned is kept for the next daemon.
    pub(super) fn stop(&mut self) {
        let slots: Vec<u32> = self.agents.keys().copied().collect();
        for slot in slots {
            self.remove(slot, false);
        }
    }

    fn remove(&mut self, slot: u32, is_forgotten: bool) {
        let Some(named) = self.agents.remove(&slot) else {
            return;
        };
        self.known.remove(slot);
        if is_forgotten {
            let path = self.directory.join(&named.name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!("cannot remove {}: {error}", path.display());
                }
                _ => {}
            }
        } else {
            saving::save(&self.directory, &named.name, &named.agent);
        }
    }

    fn restore(&self, agent: &Agent, name: &str) {
        match agent.restore(&self.directory.join(name)) {
            Ok(0) => {}
            Ok(count) => tracing::info!("'{name}' knows {count} names from before"),
            Err(error) => tracing::warn!("'{name}' has to ask for names anew: {error}"),
        }
    }

    /// Takes over which servers the host asks now.
    fn look_upstream(&mut self) {
        if self.agents.is_empty() {
            return;
        }
        match self.source.servers() {
            Ok(servers) => {
                self.resolver.set_servers(servers);
                self.complaint = None;
            }
            Err(error) => {
                let error = error.to_string();
                if self.complaint.as_ref() != Some(&error) {
                    tracing::error!("names cannot be resolved: {error}");
                    self.complaint = Some(error);
                }
            }
        }
    }
}
