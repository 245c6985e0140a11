//! The questions of one agent.

mod addresses;
mod asked;
mod look_up;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentguard_common::{
    address::Address,
    names::Asker,
    verdict::{Action, Verdict},
};
use tokio::sync::Semaphore;

pub(super) use self::asked::Step;
pub use self::look_up::{LookUpError, LookedUp};
use super::{
    AgentStats, Config, KnownName, LearnError, RestoreError, clock,
    counters::AgentCounters,
    interfaces::{Detail, Learn, Policy, Records},
    known::Known,
    rate::Rate,
    refusals::{New, Refusals},
    resolver::Resolver,
    saved,
    view::View,
};

/// What an agent may ask, what it has learned, and what it has been refused.
pub struct Agent {
    id: u32,
    resolver: Arc<Resolver>,
    records: Arc<dyn Records>,
    state: Mutex<State>,
    rates: Mutex<Rates>,
    refusals: Mutex<Refusals>,
    waiting: Arc<Semaphore>,
    pub(super) connections: Arc<Semaphore>,
    pub(super) counters: AgentCounters,
}

struct State {
    /// How often the policy was replaced.
    generation: u64,
    current: View,
    /// What was replaced, as long as the kernel may decide by it.
    outgoing: Option<View>,
    known: Known,
}

impl State {
    fn parts(&mut self) -> (Vec<&View>, &mut Known) {
        let views = std::iter::once(&self.current)
            .chain(&self.outgoing)
            .collect();
        (views, &mut self.known)
    }
}

struct Rates {
    questions: Rate,
    forwarded: Rate,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Agent {
    /// An agent that has resolved nothing yet. `id` is its slot; whoever asks has to have it.
    pub fn new(
        id: u32,
        policy: Arc<dyn Policy>,
        table: Arc<dyn Learn>,
        resolver: Arc<Resolver>,
        records: Arc<dyn Records>,
    ) -> Arc<Self> {
        let config = *resolver.config();
        let limits = config.limits;
        Arc::new(Self {
            id,
            resolver,
            records,
            state: Mutex::new(State {
                generation: 0,
                current: View { policy, table },
                outgoing: None,
                known: Known::new(config),
            }),
            rates: Mutex::new(Rates {
                questions: Rate::new(limits.questions),
                forwarded: Rate::new(limits.forwarded),
            }),
            refusals: Mutex::new(Refusals::new(id, limits.refusals)),
            waiting: Arc::new(Semaphore::new(limits.waiting)),
            connections: Arc::new(Semaphore::new(limits.connections)),
            counters: AgentCounters::default(),
        })
    }

    /// Its slot.
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn config(&self) -> &Config {
        self.resolver.config()
    }

    /// Answers by other rules from now on, and learns into another table, which gets what is known already. Until
    /// [`settle`](Self::settle) or [`revert`](Self::revert), the old table learns too: the kernel may decide by either.
    /// After an error everything is as before.
    pub fn replace(
        &self,
        policy: Arc<dyn Policy>,
        table: Arc<dyn Learn>,
    ) -> Result<(), LearnError> {
        let mut state = lock(&self.state);
        let view = View { policy, table };
        state.known.fill(&view, clock::boot_ns())?;
        state.known.judge(&view);
        state.outgoing = Some(std::mem::replace(&mut state.current, view));
        state.generation += 1;
        Ok(())
    }

    /// The kernel decides by the new table.
    pub fn settle(&self) {
        lock(&self.state).outgoing = None;
    }

    /// The kernel goes on deciding by the old table.
    pub fn revert(&self) {
        let mut state = lock(&self.state);
        let State {
            current,
            outgoing,
            known,
            generation,
        } = &mut *state;
        if let Some(view) = outgoing.take() {
            *current = view;
            known.judge(current);
            *generation += 1;
        }
    }

    /// What is known, in no order; also what has ended not long ago.
    pub fn known(&self) -> Vec<KnownName> {
        lock(&self.state).known.all()
    }

    /// How many names and addresses are known.
    pub fn known_count(&self) -> (usize, usize) {
        lock(&self.state).known.len()
    }

    /// The names that were resolved to an address, also such as have ended not long ago.
    pub fn names_of(&self, address: Address) -> Vec<Arc<str>> {
        lock(&self.state).known.names_of(&address.destination())
    }

    /// What has happened since the start.
    pub fn stats(&self) -> AgentStats {
        self.counters.stats()
    }

    /// Forgets what has ended. To be called about once a second, with the time of
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub fn tick(&self, now_ns: u64) {
        let mut state = lock(&self.state);
        let (views, known) = state.parts();
        known.tick(&views, now_ns);
        drop(state);
        lock(&self.refusals).forget(now_ns);
    }

    /// Writes what is known to a file, if that has changed. It waits for the disk.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut state = lock(&self.state);
        if !std::mem::take(&mut state.known.is_changed) {
            return Ok(());
        }
        let all = state.known.all();
        drop(state);
        saved::write(path, &all).inspect_err(|_| lock(&self.state).known.is_changed = true)
    }

    /// Takes over what was [saved](Self::save) since the host has booted, by the rules as they are now, and says how many
    /// names that were. After an error nothing is taken over, and the agent has to ask anew.
    pub fn restore(&self, path: &Path) -> Result<usize, RestoreError> {
        let names = saved::read(path, self.config(), clock::boot_ns())?;
        let mut state = lock(&self.state);
        let State { current, known, .. } = &mut *state;
        let mut restored = Known::new(*self.resolver.config());
        let mut count = 0;
        for KnownName {
            name, addresses, ..
        } in &names
        {
            let judgement = current.judge(name);
            if judgement.rules.is_empty() {
                continue;
            }
            if !restored.restore(name, judgement, addresses) {
                return Err(RestoreError::Full);
            }
            count += 1;
        }
        restored
            .fill(current, clock::boot_ns())
            .map_err(RestoreError::Learn)?;
        *known = restored;
        Ok(count)
    }

    fn refuse(
        &self,
        asker: &Asker,
        name: &str,
        record_type: u16,
        (verdict, policy): (Verdict, u32),
        detail: Detail,
        now_ns: u64,
    ) {
        if verdict.action == Action::Refuse {
            self.counters.refused.add(1);
        }
        let new = New {
            asker: *asker,
            name,
            record_type,
            verdict,
            policy,
            detail,
            address: None,
        };
        self.add(&new, now_ns);
    }

    fn add(&self, new: &New<'_>, now_ns: u64) {
        let refusal = lock(&self.refusals).add(new, now_ns);
        self.records.record(refusal);
    }
}
