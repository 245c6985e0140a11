//! Refusals on their way to the log: the first is recorded, repetitions are counted. Both happen at once, so that the
//! counters are right at any time.

use std::{collections::HashSet, time::Duration};

use agentguard_common::{
    address::Address,
    names::Asker,
    verdict::{Action, Verdict},
};

use super::{
    clock,
    interfaces::{Detail, Refusal},
};

/// What makes two refusals the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Same {
    instance: u64,
    pid: u32,
    name: String,
    record_type: u16,
    is_observed: bool,
    rule: u16,
    detail: Detail,
    address: Option<Address>,
}

/// Which of those that are too many are the same. There are only so many kinds.
type Others = (bool, Detail);

/// The refusals of a second.
#[derive(Debug)]
pub(super) struct Refusals {
    agent: u32,
    max: usize,
    begun_ns: u64,
    seen: HashSet<Same>,
    others: HashSet<Others>,
}

/// A refusal that has just happened.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub asker: Asker,
    pub name: &'a str,
    pub record_type: u16,
    pub verdict: Verdict,
    pub policy: u32,
    pub detail: Detail,
    pub address: Option<Address>,
}

impl Refusals {
    pub(super) fn new(agent: u32, max: usize) -> Self {
        Self {
            agent,
            max,
            begun_ns: 0,
            seen: HashSet::new(),
            others: HashSet::new(),
        }
    }

    /// Says of a refusal whether it is to be recorded or only counted.
    pub(super) fn add(&mut self, new: &New<'_>, now_ns: u64) -> Refusal {
        self.forget(now_ns);
        let same = Same {
            instance: new.asker.instance,
            pid: new.asker.pid,
            name: new.name.to_owned(),
            record_type: new.record_type,
            is_observed: new.verdict.action == Action::Observe,
            rule: new.verdict.rule,
            detail: new.detail,
            address: new.address,
        };
        let mut refusal = Refusal {
            agent: self.agent,
            asker: new.asker,
            boot_ns: now_ns,
            name: same.name.clone(),
            record_type: new.record_type,
            verdict: new.verdict,
            policy: new.policy,
            detail: new.detail,
            address: new.address,
            is_repetition: self.seen.contains(&same),
        };
        if refusal.is_repetition {
            return refusal;
        }
        if self.seen.len() < self.max {
            self.seen.insert(same);
        } else {
            refusal.detail = Detail::Others;
            refusal.is_repetition = !self.others.insert((same.is_observed, same.detail));
        }
        refusal
    }

    /// Forgets what was recorded, once a second has gone by.
    pub(super) fn forget(&mut self, now_ns: u64) {
        if now_ns >= clock::after(self.begun_ns, Duration::from_secs(1)) {
            self.begun_ns = now_ns;
            self.seen.clear();
            self.others.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use agentguard_common::verdict::Reason;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn new(name: &str) -> New<'_> {
        New {
            asker: Asker::default(),
            name,
            record_type: 1,
            verdict: Verdict::refusal(Reason::NoRule, 0),
            policy: 1,
            detail: Detail::Name,
            address: None,
        }
    }

    fn is_recorded(refusals: &mut Refusals, new: &New<'_>, now_ns: u64) -> bool {
        !refusals.add(new, now_ns).is_repetition
    }

    #[test]
    fn one_of_a_kind_is_recorded_in_a_second() {
        let mut refusals = Refusals::new(7, 10);
        let first = refusals.add(&new("a"), 10 * SECOND);
        assert_eq!(
            (first.agent, first.name.as_str(), first.is_repetition),
            (7, "a", false)
        );
        for step in 1..=5 {
            assert!(!is_recorded(&mut refusals, &new("a"), 10 * SECOND + step));
        }
        assert!(!is_recorded(&mut refusals, &new("a"), 11 * SECOND - 1));
        assert!(is_recorded(&mut refusals, &new("a"), 11 * SECOND));
        refusals.forget(12 * SECOND);
        assert!(refusals.seen.is_empty());
    }

    #[test]
    fn a_flood_of_names_is_bounded() {
        let mut refusals = Refusals::new(7, 10);
        let (mut records, mut others) = (0, 0);
        for number in 0..100_000_u64 {
            let name = format!("n{number}");
            let refusal = refusals.add(&new(&name), 50 * SECOND + number * 50_000);
            records += u32::from(!refusal.is_repetition);
            others += u32::from(!refusal.is_repetition && refusal.detail == Detail::Others);
            assert!(refusals.seen.len() <= 10 && refusals.others.len() <= 1);
        }
        assert_eq!((records, others), (5 * 11, 5));
    }

    #[test]
    fn what_differs_is_recorded_apart() {
        let mut refusals = Refusals::new(7, 100);
        let asker = Asker {
            pid: 9,
            ..Asker::default()
        };
        for new in [
            new("a"),
            New {
                record_type: 28,
                ..new("a")
            },
            New {
                detail: Detail::Private,
                address: Some(Address::MIN),
                ..new("a")
            },
            New { asker, ..new("a") },
        ] {
            assert!(is_recorded(&mut refusals, &new, SECOND));
            assert!(!is_recorded(&mut refusals, &new, SECOND));
        }
    }
}
