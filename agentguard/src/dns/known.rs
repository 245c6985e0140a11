//! The names that an agent has resolved, and their addresses.
//!
//! An address can be that of several names, which end at different times and have different rules. The table in the
//! kernel has the union of what still holds, until the last of them ends; [`Known::tick`] takes out what ends before.

mod ending;
mod reload;

use std::{collections::HashMap, sync::Arc, time::Duration};

use agentguard_common::{address::Address, rules::RuleSet};

use super::{
    Config, clock,
    interfaces::Judgement,
    view::{LearnError, View, judge_address},
};

/// Pairs of a name and an address, for each address that there is room for.
const PAIRS: usize = 4;

/// A name that was resolved.
#[derive(Debug)]
struct Entry {
    /// Until when the name is known, in nanoseconds of `CLOCK_BOOTTIME`.
    expires_ns: u64,
    /// What the rules say of it.
    judgement: Judgement,
    /// Its addresses, and until when each is.
    addresses: Vec<(Address, u64)>,
}

/// A name that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownName {
    /// The name, in lower case.
    pub name: Arc<str>,
    /// Until when it opens something, in nanoseconds of `CLOCK_BOOTTIME`.
    pub expires_ns: u64,
    /// Its addresses, and until when each is; some may have ended.
    pub addresses: Vec<(Address, u64)>,
    /// Whether a rule of the scope as it is now has the name; without one it opens nothing.
    pub has_rules: bool,
}

/// What was learned for one agent.
#[derive(Debug)]
pub(super) struct Known {
    config: Config,
    names: HashMap<Arc<str>, Entry>,
    /// The names of each address.
    addresses: HashMap<Address, Vec<Arc<str>>>,
    pairs: usize,
    /// When something ends next.
    due_ns: u64,
    /// Until when [`ticked`](Self::tick).
    ticked_ns: u64,
    /// Nothing that is known has ended before this.
    first_end_ns: u64,
    /// It differs from what was saved.
    pub(super) is_changed: bool,
}

impl Known {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            names: HashMap::new(),
            addresses: HashMap::new(),
            pairs: 0,
            due_ns: u64::MAX,
            ticked_ns: 0,
            first_end_ns: u64::MAX,
            is_changed: false,
        }
    }

    /// Learns the addresses of a name in all `views`, of which the first is the one that `judgement` is from. When it
    /// returns without an error they can be told.
    pub(super) fn learn(
        &mut self,
        views: &[&View],
        name: &Arc<str>,
        judgement: Judgement,
        addresses: &[Address],
        ttl: Duration,
        now_ns: u64,
    ) -> Result<(), LearnError> {
        let lifetime = ttl.max(self.config.floor);
        // So that an answer from the cache does not write the tables each time.
        let enough_ns = clock::after(now_ns, lifetime + self.config.grace / 2);
        if views.len() == 1 && self.holds(name, addresses, enough_ns) {
            return Ok(());
        }
        let expires_ns = clock::after(now_ns, lifetime + self.config.grace);
        self.enter(views, name, judgement, addresses, expires_ns, now_ns)?;
        let written = self.write(views, name, addresses, now_ns);
        if written.is_err() {
            self.end(name, addresses, now_ns);
        }
        written
    }

    /// Whether all this holds until then.
    fn holds(&self, name: &str, addresses: &[Address], until_ns: u64) -> bool {
        self.names.get(name).is_some_and(|entry| {
            entry.expires_ns >= until_ns
                && addresses.iter().all(|address| {
                    entry
                        .addresses
                        .iter()
                        .any(|(known, expires_ns)| known == address && *expires_ns >= until_ns)
                })
        })
    }

    /// Notes that the name has these addresses until then.
    fn enter(
        &mut self,
        views: &[&View],
        name: &Arc<str>,
        judgement: Judgement,
        addresses: &[Address],
        expires_ns: u64,
        now_ns: u64,
    ) -> Result<(), LearnError> {
        if !self.has_room(name, addresses) {
            self.make_room(views, name, now_ns);
            if !self.has_room(name, addresses) {
                return Err(LearnError::Full);
            }
        }
        let entry = self.names.entry(Arc::clone(name)).or_insert_with(|| Entry {
            expires_ns: 0,
            judgement,
            addresses: Vec::new(),
        });
        entry.judgement = judgement;
        entry.expires_ns = entry.expires_ns.max(expires_ns);
        for address in addresses {
            if let Some((_, known_ns)) = entry
                .addresses
                .iter_mut()
                .find(|(known, _)| known == address)
            {
                *known_ns = expires_ns.max(*known_ns);
                continue;
            }
            entry.addresses.push((*address, expires_ns));
            self.addresses
                .entry(*address)
                .or_default()
                .push(Arc::clone(name));
            self.pairs += 1;
        }
        self.due_ns = self.due_ns.min(expires_ns);
        self.first_end_ns = self.first_end_ns.min(expires_ns);
        self.is_changed = true;
        Ok(())
    }

    fn has_room(&self, name: &str, addresses: &[Address]) -> bool {
        let limits = &self.config.limits;
        let entry = self.names.get(name);
        let names = self.names.len() + usize::from(entry.is_none());
        let new = |address: &&Address| !self.addresses.contains_key(*address);
        let not_of_name = |address: &&Address| {
            entry.is_none_or(|entry| entry.addresses.iter().all(|(known, _)| known != *address))
        };
        let more = addresses.iter().filter(not_of_name).count();
        names <= limits.names
            && self.addresses.len() + addresses.iter().filter(new).count() <= limits.addresses
            && entry.map_or(0, |entry| entry.addresses.len()) + more <= limits.addresses_of_name
            && self.pairs + more <= limits.addresses * PAIRS
    }

    fn write(
        &self,
        views: &[&View],
        name: &Arc<str>,
        addresses: &[Address],
        now_ns: u64,
    ) -> Result<(), LearnError> {
        let Some(entry) = self.names.get(name) else {
            return Ok(());
        };
        for (index, view) in views.iter().enumerate() {
            let is_current = index == 0;
            for address in addresses {
                self.write_address(view, is_current, address, now_ns)?;
            }
            let judgement = if is_current {
                entry.judgement
            } else {
                view.judge(name)
            };
            view.write_name(name, judgement.rules, entry.expires_ns)?;
        }
        Ok(())
    }

    /// Writes the union of what still holds of an address. What has ended altogether stays as it is.
    fn write_address(
        &self,
        view: &View,
        is_current: bool,
        address: &Address,
        now_ns: u64,
    ) -> Result<(), LearnError> {
        match self.union(view, is_current, address, now_ns) {
            Some((rules, expires_ns)) if !rules.is_empty() => {
                view.write(address, rules, expires_ns)
            }
            _ => Ok(()),
        }
    }

    /// The rules that speak of an address after `since_ns`, and until when.
    fn union(
        &self,
        view: &View,
        is_current: bool,
        address: &Address,
        since_ns: u64,
    ) -> Option<(RuleSet, u64)> {
        let mut union: Option<(RuleSet, u64)> = None;
        for name in self.addresses.get(address)? {
            let Some(entry) = self.names.get(name) else {
                continue;
            };
            let ends = entry.addresses.iter().find(|(known, _)| known == address);
            let Some((_, expires_ns)) = ends.filter(|(_, expires_ns)| *expires_ns > since_ns)
            else {
                continue;
            };
            let judgement = if is_current {
                entry.judgement
            } else {
                view.judge(name)
            };
            let (_, rules) = judge_address(&judgement, *address);
            if rules.is_empty() {
                continue;
            }
            let (all, until_ns) = union.unwrap_or_default();
            union = Some((all | rules, until_ns.max(*expires_ns)));
        }
        union
    }

    /// These addresses of the name are as if they had ended.
    fn end(&mut self, name: &str, addresses: &[Address], now_ns: u64) {
        if let Some(entry) = self.names.get_mut(name) {
            for (address, expires_ns) in &mut entry.addresses {
                if addresses.contains(address) {
                    *expires_ns = now_ns.min(*expires_ns);
                }
            }
            self.first_end_ns = self.first_end_ns.min(now_ns);
            self.due_ns = self.due_ns.min(now_ns);
        }
    }

    /// All names.
    pub(super) fn all(&self) -> Vec<KnownName> {
        self.names
            .iter()
            .map(|(name, entry)| KnownName {
                name: Arc::clone(name),
                expires_ns: entry.expires_ns,
                addresses: entry.addresses.clone(),
                has_rules: !entry.judgement.rules.is_empty(),
            })
            .collect()
    }

    /// The names of an address, also such as have ended.
    pub(super) fn names_of(&self, address: &Address) -> Vec<Arc<str>> {
        self.addresses.get(address).cloned().unwrap_or_default()
    }

    /// How many names and addresses there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.names.len(), self.addresses.len())
    }
}
