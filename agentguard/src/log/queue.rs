//! The queue between those who record and the thread that writes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use agentguard_common::event::Event;

use super::{
    clock::Clock,
    kinds::{Daemon, DaemonEvent, Growth},
    limit::render,
    record::{Body, Record},
    violation::{Violation, ViolationContext},
};

/// Bytes of rendered violations that wait at most: some ten thousand.
pub(super) const QUEUE_BYTES: usize = 8 << 20;

/// Room beyond that for the daemon's own records, which no agent can cause.
const RESERVED_BYTES: usize = 256 << 10;

/// What became of the violations that were recorded: each is in exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounters {
    /// Lines in the file.
    pub written: u64,
    /// Lost: the queue was full because the file could not be written, or not fast enough.
    pub unwritten: u64,
    /// Waiting to be written.
    pub queued: u64,
}

impl LogCounters {
    /// All violations that were recorded.
    pub const fn recorded(&self) -> u64 {
        self.written + self.unwritten + self.queued
    }
}

/// Records into the log. Nothing that it does waits for the disk.
#[derive(Clone, Debug)]
pub struct LogHandle {
    shared: Arc<Shared>,
    clock: Clock,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) wake: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lines: VecDeque<Line>,
    /// Bytes of the lines, those included that the thread is writing.
    pub(super) bytes: usize,
    pub(super) counters: LogCounters,
    /// Of `counters.unwritten`, what no record tells of yet.
    pub(super) unreported: u64,
    pub(super) growth: BTreeMap<String, Growth>,
    /// The file may have been moved.
    pub(super) check_path: bool,
    pub(super) closing: bool,
    /// Nobody writes any more.
    pub(super) closed: bool,
    pub(super) problem: Option<String>,
}

/// A rendered record.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) body: Vec<u8>,
    pub(super) is_violation: bool,
}

impl Line {
    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        self.body.capacity()
    }
}

impl LogHandle {
    pub(super) fn new(clock: Clock, capacity: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                wake: Condvar::new(),
                capacity,
            }),
            clock,
        }
    }

    /// Records a refusal, or what would have been one.
    pub fn violation(&self, event: &Event, context: &ViolationContext<'_>) {
        let body = Body::Violation(Box::new(Violation::new(event, context)));
        let mut record = Record::new(&self.clock, event.boot_ns, body);
        if context.process.is_some_and(|process| process.cmdline_cut) {
            record.truncated.push("cmdline");
        }
        if usize::from(event.text) > context.text.len() {
            record.truncated.push("path");
        }
        self.push(record, true);
    }

    /// Records how much the kernel's counters of an agent have grown. Growth adds up, and is
    /// written at most once per second.
    pub fn growth(&self, agent: &str, growth: Growth) {
        if growth == Growth::default() {
            return;
        }
        let mut state = self.shared.lock();
        state.add_growth(agent, growth);
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Records what the daemon did. `agents` is how many are confined now.
    pub fn daemon(&self, event: DaemonEvent, message: impl Into<String>, agents: u32) {
        let body = Body::Daemon(Daemon {
            event,
            message: message.into(),
            version: env!("CARGO_PKG_VERSION"),
            agents,
        });
        self.push(Record::new(&self.clock, self.clock.boot_ns(), body), false);
    }

    /// What became of the violations so far.
    pub fn counters(&self) -> LogCounters {
        self.shared.lock().counters
    }

    /// Why the log cannot be written at the moment, if it cannot.
    pub fn problem(&self) -> Option<String> {
        self.shared.lock().problem.clone()
    }

    /// Opens the file again if it was moved or removed, without waiting for the next record.
    pub fn reopen(&self) {
        self.shared.lock().check_path = true;
        self.shared.wake.notify_one();
    }

    /// Asks the thread to write what is queued, and to end.
    pub(super) fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    fn push(&self, record: Record, is_violation: bool) {
        let body = render(record);
        let mut state = self.shared.lock();
        let capacity = self.shared.capacity + if is_violation { 0 } else { RESERVED_BYTES };
        let refused = match body {
            Ok(body) if !state.closed && state.bytes + body.capacity() <= capacity => {
                let line = Line { body, is_violation };
                state.bytes += line.size();
                state.counters.queued += u64::from(is_violation);
                state.lines.push_back(line);
                None
            }
            Ok(_) => Some("the queue is full".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if refused.is_some() && is_violation {
            state.counters.unwritten += 1;
            state.unreported += 1;
        }
        drop(state);
        match refused {
            Some(reason) if !is_violation => {
                tracing::error!("a daemon record is not in the violation log: {reason}");
            }
            _ => {}
        }
        self.shared.wake.notify_one();
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not silence the log, and no step leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn add_growth(&mut self, agent: &str, growth: Growth) {
        if let Some(sum) = self.growth.get_mut(agent) {
            sum.lost += growth.lost;
            sum.repeated += growth.repeated;
        } else {
            self.growth.insert(agent.to_owned(), growth);
        }
    }
}
