//! What has ended is forgotten: later, or when room is needed.

use std::{collections::HashSet, sync::Arc};

use agentguard_common::{address::Address, names::ServerName};

use super::Known;
use crate::dns::{clock, name, view::View};

impl Known {
    /// Forgets what has ended, oldest first: of this name, and of others.
    pub(super) fn make_room(&mut self, views: &[&View], name: &str, now_ns: u64) {
        let of_name = self
            .names
            .get(name)
            .map_or(0, |entry| entry.addresses.len());
        if of_name > self.config.limits.addresses_of_name / 2 {
            self.drop_ended(views, now_ns, |known| known == name);
        }
        if self.first_end_ns <= now_ns {
            self.drop_ended(views, now_ns, |_| true);
            let pairs = self.names.values().flat_map(|entry| &entry.addresses);
            self.first_end_ns = pairs.map(|(_, end_ns)| *end_ns).min().unwrap_or(u64::MAX);
        }
    }

    fn drop_ended(&mut self, views: &[&View], now_ns: u64, is_meant: impl Fn(&str) -> bool) {
        let mut ended = Vec::new();
        for (name, entry) in self.names.iter().filter(|(name, _)| is_meant(name)) {
            let of_name = entry
                .addresses
                .iter()
                .filter(|(_, end_ns)| *end_ns <= now_ns);
            ended.extend(of_name.map(|(address, end_ns)| (*end_ns, Arc::clone(name), *address)));
        }
        ended.sort_unstable();
        // Some at once, since looking for them takes long; not all, since connections may be open to them.
        ended.truncate(self.config.limits.names / 16 + 1);
        for (_, name, address) in ended {
            self.unlink(views, &name, &address, now_ns);
            let Some(entry) = self.names.get_mut(&name) else {
                continue;
            };
            entry.addresses.retain(|(known, _)| *known != address);
            if entry.addresses.is_empty() {
                self.remove(views, &name, now_ns);
            }
        }
        self.is_changed = true;
    }

    fn remove(&mut self, views: &[&View], name: &Arc<str>, now_ns: u64) {
        let Some(entry) = self.names.remove(name) else {
            return;
        };
        for (address, _) in entry.addresses {
            self.unlink(views, name, &address, now_ns);
        }
        if let Some(key) = ServerName::new(name.as_bytes()) {
            for view in views {
                report(view.table.forget_name(&key));
            }
        }
        self.is_changed = true;
    }

    /// Notes that the address is not one of the name any more, and forgets it if it is of none. Else the rules of this
    /// name are taken out of what is known of it.
    fn unlink(&mut self, views: &[&View], name: &str, address: &Address, now_ns: u64) {
        self.pairs = self.pairs.saturating_sub(1);
        let Some(names) = self.addresses.get_mut(address) else {
            return;
        };
        names.retain(|known| **known != *name);
        if names.is_empty() {
            self.addresses.remove(address);
            for view in views {
                report(view.table.forget(address));
            }
        } else {
            self.write_again(views, address, now_ns);
        }
    }

    /// Writes what still holds of an address, and says whether that was possible.
    fn write_again(&self, views: &[&View], address: &Address, now_ns: u64) -> bool {
        let mut is_written = true;
        for (index, view) in views.iter().enumerate() {
            if let Err(error) = self.write_address(view, index == 0, address, now_ns) {
                tracing::error!("what was learned of {}: {error}", name::ip_of(*address));
                is_written = false;
            }
        }
        is_written
    }

    /// Takes out what has ended: at once where an address has another name that has not, else after the time for which
    /// connections may need it.
    pub(in crate::dns) fn tick(&mut self, views: &[&View], now_ns: u64) {
        if now_ns < self.due_ns {
            return;
        }
        let linger = self.config.linger;
        let ticked_ns = self.ticked_ns;
        let mut ended = HashSet::new();
        let mut gone = Vec::new();
        let mut due_ns = u64::MAX;
        for (name, entry) in &mut self.names {
            entry.addresses.retain(|(address, end_ns)| {
                let forget_ns = clock::after(*end_ns, linger);
                if forget_ns <= now_ns {
                    gone.push((Arc::clone(name), *address));
                    return false;
                }
                if (ticked_ns + 1..=now_ns).contains(end_ns) {
                    ended.insert(*address);
                }
                due_ns = due_ns.min(if *end_ns <= now_ns {
                    forget_ns
                } else {
                    *end_ns
                });
                true
            });
        }
        for (name, address) in gone {
            self.unlink(views, &name, &address, now_ns);
            self.is_changed = true;
        }
        let empty: Vec<_> = self
            .names
            .iter()
            .filter(|(_, entry)| entry.addresses.is_empty())
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for name in &empty {
            self.remove(views, name, now_ns);
        }
        let mut is_written = true;
        for address in &ended {
            is_written &= self.write_again(views, address, now_ns);
        }
        if is_written {
            self.ticked_ns = now_ns;
            self.due_ns = due_ns;
        }
    }
}

/// What stays in the table although it should not has ended, and opens nothing.
fn report(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!("cannot take a name out of its table: {error}");
    }
}
