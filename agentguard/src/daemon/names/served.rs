//! Where an agent is answered: sockets in a network namespace, and what the kernel is told of them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{NamesError, adapters::Redirected};
use crate::{
    dns::{Agent, Askers, Listener, Sockets},
    kernel::resolvers::Resolvers,
    namespaces::Namespace,
};

/// The kernel's tables of resolvers and askers.
pub(in crate::daemon) struct Kernel(Mutex<Resolvers>);

impl Kernel {
    pub(in crate::daemon) fn new(resolvers: Resolvers) -> Self {
        Self(Mutex::new(resolvers))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Resolvers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An agent is answered in a network namespace until this is dropped.
pub(super) struct Served {
    kernel: Arc<Kernel>,
    slot: u32,
    cookie: u64,
    inode: u64,
    _listener: Listener,
}

impl Served {
    /// Begins, and tells the kernel. It must be called in a Tokio runtime.
    pub(super) fn begin(
        kernel: &Arc<Kernel>,
        slot: u32,
        agent: &Arc<Agent>,
        namespace: &Namespace,
    ) -> Result<Self, NamesError> {
        let sockets = namespace.within(Sockets::bind)??;
        let addresses = [Some(sockets.v4()), sockets.v6()];
        let cookie = namespace.cookie();
        let askers: Arc<dyn Askers> = Arc::new(Redirected {
            kernel: Arc::clone(kernel),
            netns: cookie,
        });
        let served = Self {
            kernel: Arc::clone(kernel),
            slot,
            cookie,
            inode: namespace.inode()?,
            _listener: Listener::start(agent, &askers, sockets)?,
        };
        // Whatever has been told is taken back if the rest fails.
        for address in addresses.into_iter().flatten() {
            if !kernel.lock().set(cookie, slot, address)? {
                return Err(NamesError::NoRoom);
            }
        }
        Ok(served)
    }

    /// Whether its network namespace is among these, by their inodes.
    pub(super) fn is_wanted(&self, inhabited: &BTreeSet<u64>) -> bool {
        inhabited.contains(&self.inode)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Err(error) = self.kernel.lock().clear(self.cookie, self.slot) {
            tracing::error!("{error}");
        }
    }
}
