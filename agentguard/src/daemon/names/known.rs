//! Which names an address was learned for.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use agentguard_common::address::Address;

use crate::dns::Agent;

/// The agents that have rules by name, for those who must not wait until sockets are made for one.
#[derive(Default)]
pub struct Known(RwLock<HashMap<u32, (String, Arc<Agent>)>>);

impl Known {
    pub(super) fn insert(&self, slot: u32, name: &str, agent: &Arc<Agent>) {
        let mut agents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        agents.insert(slot, (name.to_owned(), Arc::clone(agent)));
    }

    /// Does something with each agent, which is none any more only after that.
    pub(super) fn each(&self, work: impl Fn(&str, &Agent)) {
        let agents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (name, agent) in agents.values() {
            work(name, agent);
        }
    }

    pub(super) fn remove(&self, slot: u32) {
        let mut agents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        agents.remove(&slot);
    }

    /// The names that an address was learned for, in their order, also if they have ended not long ago. Most have one.
    pub(crate) fn names(&self, slot: u32, address: Address) -> Option<String> {
        let agents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let agent = Arc::clone(&agents.get(&slot)?.1);
        drop(agents);
        let mut names = agent.names_of(address);
        names.sort_unstable();
        (!names.is_empty()).then(|| names.join(" "))
    }
}
