//! Refused questions, on their way to the log.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use agentguard_common::{
    address::Address,
    counters::Counters,
    event::{Event, Operation},
    rules::NO_RULE,
    verdict::Action,
};

use super::service::Recording;
use crate::{
    dns::{Detail, Records, Refusal},
    events::enrich::Enricher,
    log::{RuleRef, ViolationContext},
};

/// Refusals that wait to be looked up in `/proc`.
const WAITING: usize = 4096;

/// What the resolver has refused of each agent, counted as the kernel counts: `refused + observed = recorded +
/// repeated + lost`.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Asked(Mutex<HashMap<u32, Counters>>);

impl Asked {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Counters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of one agent.
    pub(in crate::daemon) fn counters(&self, slot: u32) -> Counters {
        self.lock().get(&slot).copied().unwrap_or_default()
    }

    fn count(&self, refusal: &Refusal, is_lost: bool) {
        let mut agents = self.lock();
        let counters = agents.entry(refusal.agent).or_default();
        if refusal.verdict.action == Action::Observe {
            counters.observed += 1;
        } else {
            counters.refused += 1;
        }
        if refusal.is_repetition {
            counters.repeated += 1;
        } else if is_lost {
            counters.lost += 1;
        } else {
            counters.recorded += 1;
        }
    }
}

/// Takes refusals, and never waits.
struct Sender {
    queue: SyncSender<Option<Refusal>>,
    asked: Arc<Asked>,
}

impl Records for Sender {
    fn record(&self, refusal: Refusal) {
        if refusal.is_repetition {
            self.asked.count(&refusal, false);
            return;
        }
        let is_lost = self.queue.try_send(Some(refusal.clone())).is_err();
        self.asked.count(&refusal, is_lost);
    }
}

/// The thread that completes refusals with what `/proc` knows, which can take its time.
pub(in crate::daemon) struct RecordThread {
    thread: JoinHandle<()>,
    queue: SyncSender<Option<Refusal>>,
}

impl RecordThread {
    /// Starts it.
    pub(in crate::daemon) fn start(
        recording: Recording,
        asked: Arc<Asked>,
    ) -> io::Result<(Self, Arc<dyn Records>)> {
        let (queue, refusals) = sync_channel(WAITING);
        let writer = Writer {
            enricher: Enricher::new(recording.clock),
            recording,
        };
        let thread = thread::Builder::new()
            .name("names".to_owned())
            .spawn(move || writer.run(&refusals))?;
        let records = Arc::new(Sender {
            queue: queue.clone(),
            asked,
        });
        Ok((Self { thread, queue }, records))
    }

    /// Waits until everything is recorded that has been refused.
    pub(in crate::daemon) fn finish(self) {
        let told = self.queue.send(None);
        if told.is_err() || self.thread.join().is_err() {
            tracing::error!("the thread that records refused questions panicked");
        }
    }
}

struct Writer {
    recording: Recording,
    enricher: Enricher,
}

impl Writer {
    fn run(mut self, refusals: &Receiver<Option<Refusal>>) {
        while let Ok(Some(refusal)) = refusals.recv() {
            self.write(&refusal);
        }
    }

    fn write(&mut self, refusal: &Refusal) {
        let event = event(refusal);
        let Some((scope, exact)) = self.recording.directory.scope(event.agent, event.policy) else {
            tracing::error!(
                "a question of an agent in slot {} that nobody is",
                event.agent
            );
            return;
        };
        let paths = RefCell::new(&mut self.recording.paths);
        let path_of = |id| paths.borrow_mut().path(id);
        let cgroup = path_of(event.cgroup);
        let process = self.enricher.facts(&event, path_of);
        let rule = scope
            .rules
            .iter()
            .find(|rule| exact && rule.number == event.rule);
        let rule = rule.map(|rule| RuleRef {
            text: scope.text(rule),
            file: &scope.file,
            line: rule.line,
        });
        let context = ViolationContext {
            agent: &scope.agent.name,
            owner: scope.agent.owner.as_deref(),
            text: refusal.name.as_bytes(),
            names: None,
            rule,
            process: process.as_deref(),
            cgroup: cgroup.as_deref(),
        };
        self.recording.log.violation(&event, &context);
    }
}

/// A refusal, as the kernel would tell of it.
fn event(refusal: &Refusal) -> Event {
    let asker = &refusal.asker;
    Event {
        boot_ns: refusal.boot_ns,
        started_ns: asker.started_ns,
        cgroup: asker.cgroup,
        instance: asker.instance,
        address: refusal.address.unwrap_or(Address::MIN),
        agent: refusal.agent,
        policy: refusal.policy,
        pid: asker.pid,
        tid: asker.tid,
        uid: asker.uid,
        // Of a question this is the type of record that is asked for.
        socket_type: refusal.record_type,
        rule: match refusal.detail {
            Detail::Name | Detail::Others => refusal.verdict.rule,
            _ => NO_RULE,
        },
        operation: Operation::Resolve as u8,
        action: refusal.verdict.action as u8,
        reason: refusal.verdict.reason as u8,
        // A name has 253 bytes at most, each written as four.
        text: u16::try_from(refusal.name.len()).unwrap_or(u16::MAX),
        comm: asker.comm,
        ..Event::default()
    }
}
