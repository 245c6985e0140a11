//! Which scope an event was decided by.
//!
//! Events wait in the ring buffer while scopes are replaced. A scope is kept until every event that
//! it decided has been read.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::policy::Scope;

/// The scopes by agent and policy version.
#[derive(Debug, Default)]
pub struct Directory(RwLock<Entries>);

/// What the directory holds.
#[derive(Debug, Default)]
pub struct Entries {
    current: HashMap<u32, (u32, Arc<Scope>)>,
    former: Vec<Former>,
    /// How often the ring buffer was found empty.
    drained: u64,
}

#[derive(Debug)]
struct Former {
    agent: u32,
    version: u32,
    scope: Arc<Scope>,
    replaced_at: u64,
}

impl Directory {
    /// Locks the directory against readers, so that scopes can be replaced in the kernel and here
    /// as one.
    pub fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scope that decided an event: of this version if it is known, else the agent's name and
    /// owner are all that may be taken from it, which the flag says.
    pub fn scope(&self, agent: u32, version: u32) -> Option<(Arc<Scope>, bool)> {
        let entries = self.read();
        let (current, scope) = entries.current.get(&agent)?;
        if *current == version {
            return Some((Arc::clone(scope), true));
        }
        let former = entries
            .former
            .iter()
            .find(|former| former.agent == agent && former.version == version);
        Some(former.map_or_else(
            || (Arc::clone(scope), false),
            |former| (Arc::clone(&former.scope), true),
        ))
    }

    /// Notes that the ring buffer was empty: events that were decided before the last but one time
    /// have been read.
    /// Whether scopes were let go, and none waits any longer.
    pub fn drained(&self) -> bool {
        if self.read().former.is_empty() {
            return false;
        }
        let mut entries = self.write();
        entries.drained += 1;
        let drained = entries.drained;
        entries
            .former
            .retain(|former| former.replaced_at + 2 > drained);
        entries.former.shrink_to_fit();
        entries.former.is_empty()
    }
}

impl Entries {
    /// Puts an agent's new scope in the place of its old one.
    pub fn replace(&mut self, agent: u32, version: u32, scope: Arc<Scope>) {
        let old = self.current.insert(agent, (version, scope));
        if let Some((version, scope)) = old {
            self.former.push(Former {
                agent,
                version,
                scope,
                replaced_at: self.drained,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::parse;

    fn scope(owner: &str) -> Arc<Scope> {
        let text = format!("[agent]\nname = \"bot\"\nowner = \"{owner}\"\n");
        Arc::new(parse(Path::new("bot.toml"), &text).unwrap())
    }

    fn owner(directory: &Directory, version: u32) -> Option<(String, bool)> {
        let (scope, exact) = directory.scope(0, version)?;
        Some((scope.agent.owner.clone()?, exact))
    }

    #[test]
    fn a_replaced_scope_is_known_until_its_events_are_read() {
        let directory = Directory::default();
        assert!(directory.scope(0, 1).is_none());
        directory.write().replace(0, 1, scope("first"));
        directory.write().replace(0, 2, scope("second"));
        assert_eq!(owner(&directory, 1), Some(("first".into(), true)));
        assert_eq!(owner(&directory, 2), Some(("second".into(), true)));
        assert!(!directory.drained());
        assert_eq!(owner(&directory, 1), Some(("first".into(), true)));
        assert!(directory.drained());
        assert!(!directory.drained());
        assert_eq!(owner(&directory, 1), Some(("second".into(), false)));
        assert_eq!(owner(&directory, 2), Some(("second".into(), true)));
    }
}
