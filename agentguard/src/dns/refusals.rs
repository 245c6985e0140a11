//! Refusals on their way to the log: the first is recorded at once, repetitions are counted.

use std::{collections::HashMap, time::Duration};

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

/// Which of those that are too many are counted together. There are only so many kinds.
type Others = (bool, Detail);

/// The refusals of a second.
#[derive(Debug)]
pub(super) struct Refusals {
    agent: u32,
    max: usize,
    begun_ns: u64,
    seen: HashMap<Same, Refusal>,
    others: HashMap<Others, Refusal>,
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
            seen: HashMap::new(),
            others: HashMap::new(),
        }
    }

    /// Counts a refusal. What is returned is to be recorded now.
    pub(super) fn add(&mut self, new: &New<'_>, now_ns: u64) -> Vec<Refusal> {
        let mut due = self.flush(now_ns, false);
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
        if let Some(refusal) = self.seen.get_mut(&same) {
            refusal.times += 1;
            refusal.boot_ns = now_ns;
            return due;
        }
        let refusal = Refusal {
            agent: self.agent,
            asker: new.asker,
            boot_ns: now_ns,
            name: same.name.clone(),
            record_type: new.record_type,
            verdict: new.verdict,
            policy: new.policy,
            detail: new.detail,
            address: new.address,
            times: 1,
            is_repetition: false,
        };
        if self.seen.len() < self.max {
            // It is recorded now: what is kept counts what comes after.
            self.seen.insert(
                same,
                Refusal {
                    times: 0,
                    is_repetition: true,
                    ..refusal.clone()
                },
            );
            due.push(refusal);
            return due;
        }
        let other = self
            .others
            .entry((same.is_observed, same.detail))
            .or_insert_with(|| Refusal {
                times: 0,
                detail: Detail::Others,
                ..refusal.clone()
            });
        other.times += 1;
        other.boot_ns = now_ns;
        other.name = refusal.name;
        other.record_type = refusal.record_type;
        other.verdict = refusal.verdict;
        other.policy = refusal.policy;
        other.asker = refusal.asker;
        other.address = refusal.address;
        due
    }

    /// What has been counted, once a second has gone by, or now.
    pub(super) fn flush(&mut self, now_ns: u64, is_end: bool) -> Vec<Refusal> {
        if !is_end && now_ns < clock::after(self.begun_ns, Duration::from_secs(1)) {
            return Vec::new();
        }
        self.begun_ns = now_ns;
        let seen = self.seen.drain().map(|(_, refusal)| refusal);
        let others = self.others.drain().map(|(_, refusal)| refusal);
        seen.chain(others)
            .filter(|refusal| refusal.times > 0)
            .collect()
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

    #[test]
    fn the_first_is_recorded_at_once_and_repetitions_once_a_second() {
        let mut refusals = Refusals::new(7, 10);
        let first = refusals.add(&new("a"), 10 * SECOND);
        assert_eq!((first.len(), first[0].times, first[0].agent), (1, 1, 7));
        for step in 1..=5 {
            assert!(refusals.add(&new("a"), 10 * SECOND + step).is_empty());
        }
        assert!(refusals.flush(11 * SECOND - 1, false).is_empty());
        let rest = refusals.flush(11 * SECOND, false);
        assert_eq!(
            (rest.len(), rest[0].times, rest[0].boot_ns),
            (1, 5, 10 * SECOND + 5)
        );
        assert!(
            refusals.flush(20 * SECOND, true).is_empty(),
            "nothing is counted twice"
        );
        assert_eq!(refusals.add(&new("a"), 20 * SECOND).len(), 1);
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_counted() {
        let mut refusals = Refusals::new(7, 10);
        let mut times = 0;
        let mut records = 0;
        for number in 0..100_000_u64 {
            for refusal in refusals.add(&new(&format!("n{number}")), 50 * SECOND + number * 50_000)
            {
                times += refusal.times;
                records += 1;
            }
            assert!(refusals.seen.len() <= 10 && refusals.others.len() <= 1);
        }
        let last = refusals.flush(u64::MAX, true);
        assert!(last.iter().any(|refusal| refusal.detail == Detail::Others));
        times += last.iter().map(|refusal| refusal.times).sum::<u64>();
        assert_eq!(times, 100_000);
        assert!(records <= 6 * 11, "{records}");
    }

    #[test]
    fn what_differs_is_recorded_apart() {
        let mut refusals = Refusals::new(7, 100);
        assert_eq!(refusals.add(&new("a"), SECOND).len(), 1);
        assert_eq!(
            refusals
                .add(
                    &New {
                        record_type: 28,
                        ..new("a")
                    },
                    SECOND
                )
                .len(),
            1
        );
        assert_eq!(
            refusals
                .add(
                    &New {
                        detail: Detail::Private,
                        address: Some(Address::MIN),
                        ..new("a")
                    },
                    SECOND
                )
                .len(),
            1
        );
        let asker = Asker {
            pid: 9,
            ..Asker::default()
        };
        assert_eq!(refusals.add(&New { asker, ..new("a") }, SECOND).len(), 1);
        assert!(refusals.add(&new("a"), SECOND).is_empty());
    }
}
