//! Which addresses of an answer are told.

use agentguard_common::{
    address::Address,
    names::Asker,
    verdict::{Action, Reason, Verdict},
};

use super::Agent;
use crate::dns::{
    answer::Answer,
    cache::Key,
    interfaces::{Detail, Judgement},
    name,
    refusals::New,
    view::judge_address,
};

/// The addresses of an answer.
#[derive(Default)]
pub(super) struct Sorted {
    /// Those that are told.
    pub learned: Vec<Address>,
    /// The places of those that are not.
    pub dropped: Vec<usize>,
    /// Private ones that no rule accepts.
    pub private: Vec<(Address, Action)>,
}

/// What becomes of each address, by what the rules say of the name.
pub(super) fn sort(answer: &Answer, record_type: u16, judgement: &Judgement) -> Sorted {
    let mut sorted = Sorted::default();
    for (index, item) in answer.items.iter().enumerate() {
        if item.record_type != record_type {
            continue;
        }
        let Some(address) = name::address_in(&item.data) else {
            sorted.dropped.push(index);
            continue;
        };
        let (action, _) = judge_address(judgement, address);
        if action != Action::Permit {
            sorted.private.push((address, action));
        }
        if action == Action::Refuse {
            sorted.dropped.push(index);
        } else {
            sorted.learned.push(address.destination());
        }
    }
    sorted
}

impl Agent {
    /// Records the private addresses of an answer. `rule` is the one that permits the name, of which version of the policy.
    pub(super) fn record_private(
        &self,
        sorted: &Sorted,
        asker: &Asker,
        key: &Key,
        (rule, policy): (u16, u32),
        now_ns: u64,
    ) {
        for (address, action) in &sorted.private {
            self.counters
                .private
                .add(u64::from(*action == Action::Refuse));
            let new = New {
                asker: *asker,
                name: &key.name,
                record_type: key.record_type,
                verdict: Verdict {
                    action: *action,
                    reason: Reason::Rebinding,
                    rule,
                },
                policy,
                detail: Detail::Private,
                address: Some(*address),
            };
            self.add(&new, now_ns);
        }
    }
}
