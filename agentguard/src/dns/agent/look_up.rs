//! What an agent would be told of a name, without telling it.

use agentguard_common::{address::Address, rules::RuleSet, verdict::Action};

use super::{Agent, lock};
use crate::dns::{
    answer::{A, AAAA},
    cache::Key,
    clock, name,
    upstream::Failure,
    view::judge_address,
};

/// An address that a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The address.
    pub address: Address,
    /// Whether the agent would be told of it: private addresses of public names are taken out.
    pub action: Action,
    /// The rules that it would be learned for.
    pub rules: RuleSet,
}

/// Why a name's addresses are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookUpError {
    /// No upstream server is known.
    #[error("no name server is known")]
    NoServer,
    /// No upstream server has answered.
    #[error("no name server has answered")]
    NoAnswer,
}

impl Agent {
    /// The addresses that the agent would be told of a name in lower case, from the cache or from upstream servers; none
    /// if it may not ask. Nothing is learned or recorded.
    pub async fn look_up(&self, name: &str) -> Result<Vec<LookedUp>, LookUpError> {
        let judgement = lock(&self.state).current.judge(name);
        let mut found = Vec::new();
        if judgement.verdict.action == Action::Refuse {
            return Ok(found);
        }
        for record_type in [A, AAAA] {
            let key = Key {
                name: name.into(),
                record_type,
            };
            let held = match self.resolver.cached(&key, clock::boot_ns()) {
                Some(held) => held,
                None => self
                    .resolver
                    .resolve(&key)
                    .await
                    .map_err(|failure| match failure {
                        Failure::NoServer => LookUpError::NoServer,
                        Failure::TimedOut | Failure::Failed | Failure::Busy => {
                            LookUpError::NoAnswer
                        }
                    })?,
            };
            let items = held.answer.items.iter();
            let addresses = items
                .filter(|item| item.record_type == record_type)
                .filter_map(|item| name::address_in(&item.data));
            found.extend(addresses.map(|address| {
                let (action, rules) = judge_address(&judgement, address);
                LookedUp {
                    address: address.destination(),
                    action,
                    rules,
                }
            }));
        }
        Ok(found)
    }

    /// The rules that count for an address now, by all names that it was learned for.
    pub fn rules_of(&self, address: Address) -> RuleSet {
        let (address, now_ns) = (address.destination(), clock::boot_ns());
        let state = lock(&self.state);
        let mut rules = RuleSet::EMPTY;
        for known in state.known.all() {
            let is_its =
                |(its, expires_ns): &(Address, u64)| *its == address && now_ns < *expires_ns;
            if known.addresses.iter().any(is_its) {
                let judgement = state.current.judge(&known.name);
                rules = rules | judge_address(&judgement, address).1;
            }
        }
        rules
    }
}
