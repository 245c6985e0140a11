//! What is known, under other rules or in another daemon.

use std::sync::Arc;

use agentguard_common::address::Address;

use super::Known;
use crate::dns::{
    interfaces::Judgement,
    view::{LearnError, View},
};

impl Known {
    /// Takes over a name from before, if there is room, without writing it.
    pub(in crate::dns) fn restore(
        &mut self,
        name: &Arc<str>,
        judgement: Judgement,
        addresses: &[(Address, u64)],
    ) -> bool {
        addresses.iter().all(|(address, expires_ns)| {
            // At time 0 nothing has ended that could make room.
            self.enter(&[], name, judgement, &[*address], *expires_ns, 0)
                .is_ok()
        })
    }

    /// Writes all that is known to the empty table of a new version of the scope, by its rules.
    pub(in crate::dns) fn fill(&self, view: &View, now_ns: u64) -> Result<(), LearnError> {
        for address in self.addresses.keys() {
            // What has ended counts for connections that are open.
            let union = self
                .union(view, false, address, now_ns)
                .or_else(|| self.union(view, false, address, 0));
            if let Some((rules, expires_ns)) = union {
                view.write(address, rules, expires_ns)?;
            }
        }
        for (name, entry) in &self.names {
            let rules = view.judge(name).rules;
            if !rules.is_empty() {
                view.write_name(name, rules, entry.expires_ns)?;
            }
        }
        Ok(())
    }

    /// Judges all names anew.
    pub(in crate::dns) fn judge(&mut self, view: &View) {
        for (name, entry) in &mut self.names {
            entry.judgement = view.judge(name);
        }
    }
}
