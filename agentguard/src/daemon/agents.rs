//! The agents that the daemon knows, by slot.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use agentguard_common::{counters::Counters, limits::MAX_AGENTS};

use super::error::ApplyError;
use crate::{
    log::Growth,
    policy::{Compiled, Scope, compile},
};

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    /// Its slot in the kernel's tables. A slot is never given to a second agent.
    pub slot: u32,
    /// Its scope.
    pub scope: Arc<Scope>,
    /// Version of the policy that the kernel holds for it.
    pub version: u32,
    /// Whether it is declared no longer. What it still has running keeps its last scope.
    pub retired: bool,
    /// What of its counters the log has been told.
    reported: Counters,
}

impl Agent {
    /// How much its counters have grown since the last time.
    pub(super) fn growth(&mut self, counters: Counters) -> Growth {
        let growth = Growth {
            lost: counters.lost.saturating_sub(self.reported.lost),
            repeated: counters.repeated.saturating_sub(self.reported.repeated),
        };
        self.reported = counters;
        growth
    }
}

/// All agents, in the order of their slots.
#[derive(Debug, Default)]
pub(super) struct Agents {
    agents: Vec<Agent>,
    by_name: BTreeMap<String, usize>,
}

/// What becomes of one agent when scopes are loaded.
#[derive(Debug)]
pub(super) struct Change {
    /// Its slot.
    pub slot: u32,
    /// Its new scope.
    pub scope: Arc<Scope>,
    /// The scope, compiled.
    pub compiled: Compiled,
    /// Whether it was not declared before.
    pub is_added: bool,
}

/// There are more agents than slots.
#[derive(Debug, thiserror::Error)]
#[error(
    "more than {MAX_AGENTS} agents, those removed since the daemon started included; restart it to forget those"
)]
pub struct TooMany;

impl Agents {
    /// The agent of a name.
    pub(super) fn get(&self, name: &str) -> Option<&Agent> {
        self.by_name
            .get(name)
            .and_then(|index| self.agents.get(*index))
    }

    /// All agents, retired ones included.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter()
    }

    /// As [`iter`](Self::iter), to change them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Agent> {
        self.agents.iter_mut()
    }

    /// Number of agents that are declared.
    pub(super) fn declared(&self) -> u32 {
        let count = self.agents.iter().filter(|agent| !agent.retired).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// What has to change for these scopes to be in force. Nothing is changed yet.
    pub(super) fn plan(&self, scopes: Vec<Scope>) -> Result<Vec<Change>, ApplyError> {
        let mut changes = Vec::new();
        let mut next = self.agents.len();
        for scope in scopes {
            let known = self.get(&scope.agent.name);
            if known.is_some_and(|agent| !agent.retired && *agent.scope == scope) {
                continue;
            }
            let slot = if let Some(agent) = known {
                agent.slot
            } else {
                next += 1;
                u32::try_from(next - 1)
                    .ok()
                    .filter(|slot| *slot < MAX_AGENTS)
                    .ok_or(TooMany)?
            };
            changes.push(Change {
                slot,
                compiled: compile(&scope)?,
                scope: Arc::new(scope),
                is_added: known.is_none_or(|agent| agent.retired),
            });
        }
        Ok(changes)
    }

    /// Notes a change that the kernel has made. Changes come in the order in which they were
    /// planned.
    pub(super) fn apply(&mut self, change: Change, version: u32) {
        let index = change.slot as usize;
        if let Some(agent) = self.agents.get_mut(index) {
            agent.scope = change.scope;
            agent.version = version;
            agent.retired = false;
            return;
        }
        self.by_name
            .insert(change.scope.agent.name.clone(), self.agents.len());
        self.agents.push(Agent {
            slot: change.slot,
            scope: change.scope,
            version,
            retired: false,
            reported: Counters::default(),
        });
    }

    /// Retires the agents that are not among the names; returns theirs.
    pub(super) fn retire(&mut self, declared: impl Fn(&str) -> bool) -> Vec<String> {
        self.agents
            .iter_mut()
            .filter(|agent| !agent.retired && !declared(&agent.scope.agent.name))
            .map(|agent| {
                agent.retired = true;
                agent.scope.agent.name.clone()
            })
            .collect()
    }

    /// All that is declared as some agent's.
    pub(super) fn declarations(&self) -> Declarations {
        let mut all = Declarations::default();
        for agent in self.agents.iter().filter(|agent| !agent.retired) {
            let matches = &agent.scope.matches;
            all.units.extend(matches.units.iter().cloned());
            all.cgroups.extend(matches.cgroups.iter().cloned());
        }
        all
    }
}

/// The units and cgroups of all agents.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    pub units: BTreeSet<String>,
    pub cgroups: BTreeSet<String>,
}
