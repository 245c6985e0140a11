//! What becomes of a question.

use std::{sync::Arc, time::Duration};

use agentguard_common::{
    names::Asker,
    verdict::{Action, Reason, Verdict},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{Agent, addresses::sort, lock};
use crate::dns::{
    LearnError,
    answer::{A, AAAA},
    cache::{Held, Key},
    clock,
    interfaces::{Detail, Judgement},
    question::{Head, IN, Malformed, OPT, Question},
    reply::{self, Code, Extended},
    upstream::Failure,
};

/// SVCB and HTTPS. What they say of a service may hold addresses that are not learned, and keys that hide the name from
/// the check of server names, so they are answered with nothing: clients then use A and AAAA.
const SERVICES: [u16; 2] = [64, 65];

/// A question that may be answered, as of a policy.
struct Judged {
    judgement: Judgement,
    generation: u64,
}

/// What becomes of a message.
pub(in crate::dns) enum Step {
    /// Nothing is said.
    Silence,
    /// This is said.
    Reply(Vec<u8>),
    /// An upstream server is asked: [`Agent::wait`].
    Wait(Box<Waiting>),
}

/// A question for an upstream server.
pub(in crate::dns) struct Waiting {
    question: Question,
    asker: Asker,
    key: Key,
    judged: Judged,
    is_udp: bool,
    _place: OwnedSemaphorePermit,
}

impl Agent {
    /// Takes a message of this asker.
    pub(in crate::dns) fn take(&self, message: &[u8], asker: &Asker, is_udp: bool) -> Step {
        let now_ns = clock::boot_ns();
        self.counters.questions.add(1);
        if asker.agent != self.id {
            self.counters.strangers.add(1);
            return Step::Silence;
        }
        let read = Question::read(message);
        if read == Err(Malformed::Ignored) {
            self.counters.ignored.add(1);
            let policy = lock(&self.state).current.policy.version();
            self.refuse(asker, "", 0, (never(), policy), Detail::Form, now_ns);
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
        let policy = lock(&self.state).current.policy.version();
        self.refuse(asker, "", 0, (never(), policy), detail, now_ns);
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
        let (policy, generation) = {
            let state = lock(&self.state);
            (Arc::clone(&state.current.policy), state.generation)
        };
        if let Some(detail) = never_because {
            self.refuse(
                asker,
                &question.name.text,
                record_type,
                (never(), policy.version()),
                detail,
                now_ns,
            );
            return refused();
        }
        let is_service = SERVICES.contains(&record_type);
        let judged_type = if is_service { A } else { record_type };
        let judgement = policy.judge(&question.name.text, judged_type);
        if judgement.verdict.action != Action::Permit {
            self.refuse(
                asker,
                &question.name.text,
                record_type,
                (judgement.verdict, policy.version()),
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
    pub(in crate::dns) async fn wait(&self, waiting: Box<Waiting>) -> Vec<u8> {
        let Waiting {
            question,
            asker,
            key,
            judged,
            is_udp,
            ..
        } = &*waiting;
        match self.resolver.resolve(key).await {
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
        let policy = state.current.policy.version();
        if judgement.verdict.action == Action::Refuse {
            drop(state);
            self.refuse(
                asker,
                &key.name,
                key.record_type,
                (judgement.verdict, policy),
                Detail::Name,
                now_ns,
            );
            return reply::empty(question, Code::Refused, Some(Extended::Prohibited));
        }
        if !matches!(key.record_type, A | AAAA) {
            return reply::answer(question, answer, &[], ttl, max);
        }
        let sorted = sort(answer, key.record_type, &judgement);
        let addresses = &sorted.learned;
        let (views, known) = state.parts();
        let learned = if judgement.rules.is_empty() || addresses.is_empty() {
            Ok(())
        } else {
            known.learn(
                &views,
                &key.name,
                judgement,
                addresses,
                Duration::from_secs(ttl.into()),
                now_ns,
            )
        };
        drop(state);
        let rule = (judgement.verdict.rule, policy);
        self.record_private(&sorted, asker, key, rule, now_ns);
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
}

/// What no rule can allow.
fn never() -> Verdict {
    Verdict::refusal(Reason::Question, 0)
}
