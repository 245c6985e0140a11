//! What is written, and synced, at once.

use super::{
    kinds::{Growth, Loss, Repeat, Unwritten},
    queue::{Line, State},
};

/// Bytes of the rendered records in a batch, give or take one record.
pub(super) const BATCH_BYTES: usize = 1 << 20;

/// Something that becomes a line.
#[derive(Debug)]
pub(super) enum Entry {
    Line(Line),
    Loss(Loss),
    Repeat(Repeat),
    Unwritten(Unwritten),
}

impl State {
    /// Takes a batch out of the queue, with what is to be reported. Its lines still count as
    /// queued.
    pub(super) fn take(&mut self, report: bool) -> Vec<Entry> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES
            && let Some(line) = self.lines.pop_front()
        {
            bytes += line.size();
            batch.push(Entry::Line(line));
        }
        if report {
            for (agent, Growth { lost, repeated }) in std::mem::take(&mut self.growth) {
                if lost > 0 {
                    let agent = agent.clone();
                    batch.push(Entry::Loss(Loss { agent, lost }));
                }
                if repeated > 0 {
                    batch.push(Entry::Repeat(Repeat { agent, repeated }));
                }
            }
            if self.unreported > 0 {
                let unwritten = std::mem::take(&mut self.unreported);
                batch.push(Entry::Unwritten(Unwritten { unwritten }));
            }
        }
        batch
    }

    /// Counts the first `done` entries of a batch as written, and puts the others back.
    pub(super) fn settle(&mut self, mut batch: Vec<Entry>, done: usize) {
        for entry in batch.drain(done..).rev() {
            match entry {
                Entry::Line(line) => self.lines.push_front(line),
                Entry::Loss(Loss { agent, lost }) => {
                    self.add_growth(&agent, Growth { lost, repeated: 0 });
                }
                Entry::Repeat(Repeat { agent, repeated }) => {
                    self.add_growth(&agent, Growth { lost: 0, repeated });
                }
                Entry::Unwritten(Unwritten { unwritten }) => self.unreported += unwritten,
            }
        }
        for entry in batch {
            if let Entry::Line(line) = entry {
                self.bytes -= line.size();
                self.counters.queued -= u64::from(line.is_violation);
                self.counters.written += u64::from(line.is_violation);
            }
        }
    }

    /// Ends the log. What is still queued is lost.
    pub(super) fn abandon(&mut self) {
        self.closed = true;
        let violations = self.lines.drain(..).filter(|line| line.is_violation);
        let lost = violations.count() as u64;
        self.bytes = 0;
        self.counters.queued -= lost;
        self.counters.unwritten += lost;
        self.unreported += lost;
        if self.unreported > 0 || !self.growth.is_empty() {
            tracing::error!(
                "the violation log ends without {} violations and reports of {} agents",
                self.unreported,
                self.growth.len(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::queue::LogCounters, *};

    fn state(lines: u8) -> State {
        let mut state = State::default();
        for n in 0..lines {
            let line = Line {
                body: vec![n],
                is_violation: true,
            };
            state.bytes += line.size();
            state.counters.queued += 1;
            state.lines.push_back(line);
        }
        state.counters.unwritten = 9;
        state.unreported = 9;
        let growth = Growth {
            lost: 3,
            repeated: 4,
        };
        state.add_growth("bot", growth);
        state
    }

    #[test]
    fn what_was_not_written_is_as_it_was() {
        let kept = |state: &State| {
            state
                .lines
                .iter()
                .map(|line| line.body[0])
                .collect::<Vec<_>>()
        };
        for done in 0..=8 {
            let mut state = state(5);
            let batch = state.take(true);
            assert_eq!(
                (batch.len(), state.unreported, state.growth.len()),
                (8, 0, 0)
            );
            assert_eq!(state.counters.queued, 5, "until it is written");
            state.settle(batch, done);
            let written = u8::try_from(done.min(5)).unwrap();
            assert_eq!(kept(&state), (written..5).collect::<Vec<_>>(), "in order");
            assert_eq!(
                state.counters,
                LogCounters {
                    written: written.into(),
                    unwritten: 9,
                    queued: u64::from(5 - written),
                }
            );
            assert_eq!(state.bytes, usize::from(5 - written));
            let growth = state.growth.get("bot").copied().unwrap_or_default();
            assert_eq!(growth.lost, if done > 5 { 0 } else { 3 });
            assert_eq!(growth.repeated, if done > 6 { 0 } else { 4 });
            assert_eq!(state.unreported, if done > 7 { 0 } else { 9 });
        }
    }

    #[test]
    fn reports_wait_for_their_time() {
        let mut state = state(1);
        assert_eq!(state.take(false).len(), 1);
        assert_eq!((state.unreported, state.growth.len()), (9, 1));
    }

    #[test]
    fn what_is_abandoned_is_counted() {
        let mut state = state(5);
        state.abandon();
        assert_eq!(
            state.counters,
            LogCounters {
                written: 0,
                unwritten: 14,
                queued: 0
            }
        );
        assert!(state.closed && state.bytes == 0 && state.unreported == 14);
    }
}
