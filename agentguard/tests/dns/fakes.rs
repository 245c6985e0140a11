//! A scope, a table, and a log, as the tests need them.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use agentguard::dns::{Askers, Judgement, Learn, Policy, Records, Refusal};
use agentguard_common::{
    address::Address,
    decision::{Action, Reason, Verdict},
    names::{Asker, ServerName},
    protocol::Protocol,
    rules::{NO_RULE, RuleSet},
};

/// The agent in most tests.
pub(crate) const AGENT: u32 = 7;

/// Type numbers.
pub(crate) const A: u16 = 1;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const HTTPS: u16 = 65;

pub(crate) fn rules(numbers: &[u16]) -> RuleSet {
    let mut set = RuleSet::EMPTY;
    for number in numbers {
        set.insert(*number);
    }
    set
}

pub(crate) fn address(text: &str) -> Address {
    match text.parse::<IpAddr>().unwrap() {
        IpAddr::V4(v4) => Address::from_v4(v4.into()),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            Address::from_v6(
                (bits >> 64).try_into().unwrap(),
                (bits & u128::from(u64::MAX)).try_into().unwrap(),
            )
        }
    }
}

/// A scope with `*.example` as rule 1 and others by their whole names.
#[derive(Default)]
pub(crate) struct Names(pub(crate) HashMap<&'static str, u16>);

impl Policy for Names {
    fn version(&self) -> u32 {
        1
    }

    fn judge(&self, name: &str, record_type: u16) -> Judgement {
        let mut numbers: Vec<u16> = self.0.get(name).copied().into_iter().collect();
        if name.ends_with(".example") && !name.starts_with("only-") {
            numbers.push(1);
        }
        let is_asked =
            matches!(record_type, A | AAAA) || record_type == TXT && name == "text.example";
        let observed = name == "observed.test";
        let rule = numbers.first().copied().unwrap_or(NO_RULE);
        let (action, reason) = match () {
            () if observed => (Action::Observe, Reason::NoRule),
            () if numbers.is_empty() => (Action::Refuse, Reason::NoRule),
            () if !is_asked => (Action::Refuse, Reason::Question),
            () => (Action::Permit, Reason::Rule),
        };
        let is_private = name == "private.example";
        Judgement {
            verdict: Verdict {
                action,
                reason,
                rule,
            },
            rules: rules(&numbers),
            private: if is_private {
                Action::Permit
            } else {
                Action::Refuse
            },
            private_rules: if is_private {
                rules(&[2])
            } else {
                RuleSet::EMPTY
            },
        }
    }
}

/// A table in memory.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) addresses: Mutex<HashMap<Address, (RuleSet, u64)>>,
    pub(crate) names: Mutex<HashMap<String, (RuleSet, u64)>>,
    pub(crate) writes: AtomicUsize,
    pub(crate) is_full: AtomicBool,
    pub(crate) is_broken: AtomicBool,
}

impl Table {
    pub(crate) fn rules_of(&self, text: &str) -> Option<RuleSet> {
        self.addresses
            .lock()
            .unwrap()
            .get(&address(text))
            .map(|(rules, _)| *rules)
    }

    pub(crate) fn expires_ns(&self, text: &str) -> u64 {
        self.addresses.lock().unwrap()[&address(text)].1
    }

    fn may_write(&self) -> io::Result<bool> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("broken"));
        }
        Ok(!self.is_full.load(Ordering::Relaxed))
    }
}

fn text(name: &ServerName) -> String {
    String::from_utf8(name.as_bytes().to_vec()).unwrap()
}

impl Learn for Table {
    fn learn(&self, address: &Address, rules: RuleSet, expires_ns: u64) -> io::Result<bool> {
        let fits = self.may_write()?;
        if fits {
            self.addresses
                .lock()
                .unwrap()
                .insert(*address, (rules, expires_ns));
        }
        Ok(fits)
    }

    fn forget(&self, address: &Address) -> io::Result<()> {
        self.addresses.lock().unwrap().remove(address);
        Ok(())
    }

    fn learn_name(&self, name: &ServerName, rules: RuleSet, expires_ns: u64) -> io::Result<bool> {
        let fits = self.may_write()?;
        if fits {
            self.names
                .lock()
                .unwrap()
                .insert(text(name), (rules, expires_ns));
        }
        Ok(fits)
    }

    fn forget_name(&self, name: &ServerName) -> io::Result<()> {
        self.names.lock().unwrap().remove(&text(name));
        Ok(())
    }
}

/// What was recorded.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Mutex<Vec<Refusal>>);

impl Log {
    pub(crate) fn take(&self) -> Vec<Refusal> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Records for Log {
    fn record(&self, refusal: Refusal) {
        self.0.lock().unwrap().push(refusal);
    }
}

/// Everybody is this agent, but for one port.
pub(crate) struct Everybody {
    pub(crate) agent: u32,
    pub(crate) stranger: Mutex<Option<u16>>,
}

impl Askers for Everybody {
    fn asker(&self, client: SocketAddr, _protocol: Protocol) -> Option<Asker> {
        if *self.stranger.lock().unwrap() == Some(client.port()) {
            return None;
        }
        Some(Asker {
            agent: self.agent,
            pid: 42,
            ..Asker::default()
        })
    }
}
