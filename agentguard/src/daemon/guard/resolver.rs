//! What the resolver is told of where agents are.

use std::{collections::BTreeSet, io, sync::Arc};

use super::Guard;
use crate::{
    daemon::names::{self, NamesError},
    dns,
    namespaces::inhabited,
};

impl Guard {
    /// Answers an agent's questions for names in the network namespace of a process that is about to be one of its.
    pub(in crate::daemon) fn answer(&self, slot: u32, pid: u32) -> Result<(), NamesError> {
        names::lock(&self.names).serve_process(slot, pid)
    }

    /// What resolves names for an agent, if it has rules by name.
    pub(in crate::daemon) fn resolver_of(&self, slot: u32) -> Option<Arc<dns::Agent>> {
        names::lock(&self.names).agent(slot)
    }

    /// Lets the resolver forget what has ended, and leave where its agents are no longer.
    pub(in crate::daemon) fn tick_names(&mut self, boot_ns: u64) {
        let Self {
            names,
            tables,
            paths,
            cgroups,
            ..
        } = self;
        names::lock(names).tick(boot_ns, |slot| {
            let mut found = BTreeSet::new();
            for id in tables.instances().map_err(io::Error::other)? {
                let tag = tables.instance(id).map_err(io::Error::other)?;
                let is_its = tag.is_some_and(|tag| tag.agent == slot);
                if let Some(path) = paths.path(id).filter(|_| is_its) {
                    found.extend(inhabited(&cgroups.directory(&path))?);
                }
            }
            Ok(found)
        });
    }
}
