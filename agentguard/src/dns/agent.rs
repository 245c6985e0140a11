//! The questions of one agent.

use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agentguard_common::{
    names::Asker,
    rules::RuleSet,
    verdict::{Action, Reason, Verdict},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    AgentStats, KnownName, LearnError, RestoreError,
    answer::{A, AAAA, Answer},
    cache::{Held, Key},
    clock,
    counters::AgentCounters,
    interfaces::{Detail, Judgement, Learn, Policy, Records},
    known::Known,
    name,
    question::{Head, IN, Malformed, OPT, Question},
    rate::Rate,
    refusals::{New, Refusals},
    reply::{self, Code, Extended},
    resolver::{Outcome, Resolver},
    saved,
    upstream::Failure,
    view::{View, judge_address},
};

/// SVCB and HTTPS. What they say of a service may hold addresses that are not learned, and keys that hide the name from
/// the check of server names, so they are answered with nothing: clients then use A and AAAA.
const SERVICES: [u16; 2] = [64, 65];

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

/// A question that may be answered, as of a policy.
struct Judged {
    judgement: Judgement,
    generation: u64,
}

/// What becomes of a message.
pub(super) enum Step {
    /// Nothing is said.
    Silence,
    /// This is said.
    Reply(Vec<u8>),
    /// An upstream server is asked: [`Agent::wait`].
    Wait(Box<Waiting>),
}

/// A question for an upstream server.
pub(super) struct Waiting {
    question: Question,
    asker: Asker,
    key: Key,
    judged: Judged,
    is_udp: bool,
    _place: OwnedSemaphorePermit,
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

    pub(super) fn config(&self) -> &super::Config {
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
    pub fn names_of(&self, address: IpAddr) -> Vec<Arc<str>> {
        let address = name::address_of(address).destination();
        lock(&self.state).known.names_of(&address)
    }

    /// What has happened since the start.
    pub fn stats(&self) -> AgentStats {
        self.counters.stats()
    }

    /// Forgets what has ended, and records what was counted. To be called about once a second, with the time of
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub fn tick(&self, now_ns: u64) {
        let mut state = lock(&self.state);
        let (views, known) = state.parts();
        known.tick(&views, now_ns);
        drop(state);
        let due = lock(&self.refusals).flush(now_ns, false);
        due.into_iter()
            .for_each(|refusal| self.records.record(refusal));
    }

    /// Records everything that was counted. To be called before the agent is dropped.
    pub fn flush(&self) {
        let due = lock(&self.refusals).flush(clock::boot_ns(), true);
        due.into_iter()
            .for_each(|refusal| self.records.record(refusal));
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

    /// Takes a message of this asker.
    pub(super) fn take(&self, message: &[u8], asker: &Asker, is_udp: bool) -> Step {
        let now_ns = clock::boot_ns();
        self.counters.questions.add(1);
        if asker.agent != self.id {
            self.counters.strangers.add(1);
            return Step::Silence;
        }
        let read = Question::read(message);
        if read == Err(Malformed::Ignored) {
            self.counters.ignored.add(1);
            return Step::Silence;
        }
        if !lock(&self.rates).questions.take(now_ns) {
            self.counters.limited.add(1);
            return Step::Reply(match &read {
                Ok(question) => reply::empty(question, Code::ServFail, Some(Extended::NotReady)),
                Err(Malformed::Form(head) | Malformed::Operation(head)) => {
                    reply::header(*head, Code::ServFail)
                }
                Err(Malformed::Ignored) => return Step::Silence,
            });
        }
        match read {
            Ok(question) => self.judge(question, asker, is_udp, now_ns),
            Err(Malformed::Form(head)) => {
                self.malformed(head, Code::FormErr, Detail::Form, asker, now_ns)
            }
            Err(Malformed::Operation(head)) => {
                self.malformed(head, Code::NotImp, Detail::Operation, asker, now_ns)
            }
            Err(Malformed::Ignored) => Step::Silence,
        }
    }

    fn malformed(
        &self,
        head: Head,
        code: Code,
        detail: Detail,
        asker: &Asker,
        now_ns: u64,
    ) -> Step {
        self.refuse(asker, "", 0, never(), detail, now_ns);
        Step::Reply(reply::header(head, code))
    }

    fn judge(&self, question: Question, asker: &Asker, is_udp: bool, now_ns: u64) -> Step {
        let record_type = question.record_type;
        if question.edns.is_some_and(|edns| edns.version != 0) {
            return Step::Reply(reply::empty(&question, Code::BadVersion, None));
        }
        let never_because = if question.class != IN {
            Some(Detail::Class)
        } else if matches!(record_type, 0 | OPT | 128..=255) {
            Some(Detail::Type)
        } else if !question.name.is_plain {
            Some(Detail::Characters)
        } else {
            None
        };
        let refused = || {
            Step::Reply(reply::empty(
                &question,
                Code::Refused,
                Some(Extended::Prohibited),
            ))
        };
        if let Some(detail) = never_because {
            self.refuse(
                asker,
                &question.name.text,
                record_type,
                never(),
                detail,
                now_ns,
            );
            return refused();
        }
        let is_service = SERVICES.contains(&record_type);
        let judged_type = if is_service { A } else { record_type };
        let (policy, generation) = {
            let state = lock(&self.state);
            (Arc::clone(&state.current.policy), state.generation)
        };
        let judgement = policy.judge(&question.name.text, judged_type);
        if judgement.verdict.action != Action::Permit {
            self.refuse(
                asker,
                &question.name.text,
                record_type,
                judgement.verdict,
                Detail::Name,
                now_ns,
            );
        }
        if judgement.verdict.action == Action::Refuse {
            return refused();
        }
        if is_service {
            return Step::Reply(reply::empty(&question, Code::NoError, None));
        }
        let key = Key {
            name: question.name.text.as_str().into(),
            record_type,
        };
        let judged = Judged {
            judgement,
            generation,
        };
        if let Some(held) = self.resolver.cached(&key, now_ns) {
            self.counters.cached.add(1);
            return Step::Reply(self.finish(&question, asker, &key, &judged, &held, is_udp));
        }
        let place = match Arc::clone(&self.waiting).try_acquire_owned() {
            Ok(place) if lock(&self.rates).forwarded.take(now_ns) => place,
            _ => {
                self.counters.limited.add(1);
                return Step::Reply(reply::empty(
                    &question,
                    Code::ServFail,
                    Some(Extended::NotReady),
                ));
            }
        };
        Step::Wait(Box::new(Waiting {
            question,
            asker: *asker,
            key,
            judged,
            is_udp,
            _place: place,
        }))
    }

    /// The answer to a question that had to wait.
    pub(super) async fn wait(&self, waiting: Box<Waiting>) -> Vec<u8> {
        let Waiting {
            question,
            asker,
            key,
            judged,
            is_udp,
            ..
        } = &*waiting;
        let outcome: Outcome = self.resolver.resolve(key).await;
        match outcome {
            Ok(held) => self.finish(question, asker, key, judged, &held, *is_udp),
            Err(failure) => {
                self.counters.failed.add(1);
                let extended = match failure {
                    Failure::Busy => Extended::NotReady,
                    Failure::NoServer | Failure::TimedOut | Failure::Failed => {
                        Extended::NoReachableAuthority
                    }
                };
                reply::empty(question, Code::ServFail, Some(extended))
            }
        }
    }

    /// Learns an answer, and tells it.
    fn finish(
        &self,
        question: &Question,
        asker: &Asker,
        key: &Key,
        judged: &Judged,
        held: &Held,
        is_udp: bool,
    ) -> Vec<u8> {
        let now_ns = clock::boot_ns();
        let ttl = held.ttl(now_ns);
        let max = if is_udp {
            reply::max_over_udp(question)
        } else {
            usize::from(u16::MAX)
        };
        let answer = &held.answer;
        let mut state = lock(&self.state);
        // The rules may have changed while an upstream server was waited for.
        let judgement = if state.generation == judged.generation {
            judged.judgement
        } else {
            state.current.policy.judge(&key.name, key.record_type)
        };
        if judgement.verdict.action == Action::Refuse {
            drop(state);
            self.refuse(
                asker,
                &key.name,
                key.record_type,
                judgement.verdict,
                Detail::Name,
                now_ns,
            );
            return reply::empty(question, Code::Refused, Some(Extended::Prohibited));
        }
        if !matches!(key.record_type, A | AAAA) {
            return reply::answer(question, answer, &[], ttl, max);
        }
        let sorted = sort(answer, key.record_type, &judgement);
        let addresses: Vec<_> = sorted.learned.iter().map(|(_, address)| *address).collect();
        let (views, known) = state.parts();
        let learned = if judgement.rules == RuleSet::EMPTY || addresses.is_empty() {
            Ok(())
        } else {
            known.learn(
                &views,
                &key.name,
                judgement,
                &addresses,
                Duration::from_secs(ttl.into()),
                now_ns,
            )
        };
        drop(state);
        for (address, action) in &sorted.private {
            self.counters
                .private
                .add(u64::from(*action == Action::Refuse));
            let verdict = Verdict {
                action: *action,
                reason: Reason::Rebinding,
                rule: judgement.verdict.rule,
            };
            self.add(
                &New {
                    asker: *asker,
                    name: &key.name,
                    record_type: key.record_type,
                    verdict,
                    detail: Detail::Private,
                    address: Some(*address),
                },
                now_ns,
            );
        }
        match learned {
            Err(LearnError::Full) => {
                self.counters.full.add(1);
                return reply::empty(question, Code::ServFail, Some(Extended::NotReady));
            }
            Err(LearnError::Table(error)) => {
                self.counters.errors.add(1);
                tracing::error!("cannot learn the addresses of {}: {error}", key.name);
                return reply::empty(question, Code::ServFail, Some(Extended::NotReady));
            }
            Ok(()) => {}
        }
        if addresses.is_empty() && !sorted.dropped.is_empty() {
            return reply::empty(question, Code::NoError, Some(Extended::Filtered));
        }
        reply::answer(question, answer, &sorted.dropped, ttl, max)
    }

    fn refuse(
        &self,
        asker: &Asker,
        name: &str,
        record_type: u16,
        verdict: Verdict,
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
            detail,
            address: None,
        };
        self.add(&new, now_ns);
    }

    fn add(&self, new: &New<'_>, now_ns: u64) {
        let due = lock(&self.refusals).add(new, now_ns);
        due.into_iter()
            .for_each(|refusal| self.records.record(refusal));
    }
}

/// The addresses of an answer.
#[derive(Default)]
struct Sorted {
    /// Those that are told, with their place in the answer.
    learned: Vec<(usize, agentguard_common::address::Address)>,
    /// The places of those that are not.
    dropped: Vec<usize>,
    /// Private ones that no rule accepts.
    private: Vec<(agentguard_common::address::Address, Action)>,
}

fn sort(answer: &Answer, record_type: u16, judgement: &Judgement) -> Sorted {
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
            sorted.learned.push((index, address.destination()));
        }
    }
    sorted
}

/// What no rule can allow.
fn never() -> Verdict {
    Verdict::refusal(Reason::Question, 0)
}
