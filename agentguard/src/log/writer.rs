//! The thread that writes the log.
//!
//! Sequence numbers are given to lines in the order of the file, and to violations that were lost:
//! a record of kind `unwritten` that says *n* takes its number *n* + 1 after the line before it.
//! Any other gap means that lines were taken out of the file.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    LogError,
    batch::{BATCH_BYTES, Entry},
    clock::Clock,
    file::LogFile,
    kinds::Unwritten,
    limit::{push_line, render},
    queue::{LogCounters, LogHandle, QUEUE_BYTES, Shared, State},
    record::{Body, Record},
};

/// Between two tries while the file cannot be written.
const RETRY: Duration = Duration::from_millis(200);
/// Between two reports of what was lost or repeated.
const REPORT: Duration = Duration::from_secs(1);

/// The running thread. It must be [closed](Self::close), or what is queued may be lost.
#[must_use]
#[derive(Debug)]
pub struct LogThread {
    handle: LogHandle,
    thread: JoinHandle<()>,
}

impl LogThread {
    /// Writes what is queued, ends the thread, and says what became of all violations. What cannot
    /// be written now is lost, and counted. It waits for the disk.
    pub fn close(self) -> LogCounters {
        self.handle.close();
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the violation log has panicked");
        }
        self.handle.counters()
    }
}

/// Starts the thread that writes to a file.
pub fn spawn(file: LogFile, clock: Clock) -> Result<(LogHandle, LogThread), LogError> {
    spawn_with_capacity(file, clock, QUEUE_BYTES)
}

/// [`spawn`], with room for `capacity` bytes of violations in the queue.
pub fn spawn_with_capacity(
    file: LogFile,
    clock: Clock,
    capacity: usize,
) -> Result<(LogHandle, LogThread), LogError> {
    let handle = LogHandle::new(clock, capacity);
    let writer = Writer {
        shared: handle.shared(),
        file,
        clock,
        seq: 0,
        reported: None,
        failed: None,
        closing: false,
    };
    let thread = thread::Builder::new()
        .name("violation-log".to_owned())
        .spawn(move || writer.run())
        .map_err(LogError::Thread)?;
    Ok((handle.clone(), LogThread { handle, thread }))
}

struct Writer {
    shared: Arc<Shared>,
    file: LogFile,
    clock: Clock,
    /// The last number in the file.
    seq: u64,
    /// When losses were last reported.
    reported: Option<Instant>,
    /// When writing last failed, if it did.
    failed: Option<Instant>,
    /// The last try has begun.
    closing: bool,
}

impl Writer {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            self.write(batch);
        }
    }

    /// Waits for something to write, and takes it. `None` when the log is closed.
    fn next_batch(&mut self) -> Option<Vec<Entry>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            if state.closing && !self.closing {
                self.closing = true;
                self.failed = None;
            }
            let reports = state.unreported > 0 || !state.growth.is_empty();
            let until_report = match self.reported {
                Some(at) if !self.closing => REPORT.saturating_sub(at.elapsed()),
                _ => Duration::ZERO,
            };
            let report = reports && until_report.is_zero();
            let until_retry = match self.failed {
                Some(_) if self.closing => {
                    state.abandon();
                    return None;
                }
                Some(at) => RETRY.saturating_sub(at.elapsed()),
                None => Duration::ZERO,
            };
            let work = !state.lines.is_empty() || report || state.check_path;
            if work && until_retry.is_zero() {
                state.check_path = false;
                return Some(state.take(report));
            }
            if self.closing {
                state.abandon();
                return None;
            }
            state = if work || reports {
                wait(
                    &shared,
                    state,
                    until_retry.max(if work { Duration::ZERO } else { until_report }),
                )
            } else {
                shared
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn write(&mut self, batch: Vec<Entry>) {
        let mut lines = Vec::with_capacity(BATCH_BYTES / 4);
        let mut ends = Vec::with_capacity(batch.len());
        let mut seq = self.seq;
        for entry in &batch {
            if let Entry::Unwritten(Unwritten { unwritten }) = entry {
                seq += unwritten;
            }
            seq += 1;
            self.push(&mut lines, seq, entry);
            ends.push((lines.len(), seq));
        }
        let appended = self.file.append(&lines);
        let done = ends.partition_point(|(end, _)| *end <= appended.bytes);
        if let Some((_, seq)) = done.checked_sub(1).and_then(|last| ends.get(last)) {
            self.seq = *seq;
        }
        if batch[..done]
            .iter()
            .any(|entry| !matches!(entry, Entry::Line(_)))
        {
            self.reported = Some(Instant::now());
        }
        self.failed = (done < batch.len()).then(Instant::now);
        let problem = appended.error.map(|error| error.to_string());

        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.settle(batch, done);
        let before = std::mem::replace(&mut state.problem, problem.clone());
        drop(state);
        if before != problem {
            let path = self.file.path().display();
            if let Some(problem) = problem {
                tracing::error!("cannot write the log {path}: {problem}");
            } else {
                tracing::info!("the log {path} can be written again");
            }
        }
    }

    fn push(&self, lines: &mut Vec<u8>, seq: u64, entry: &Entry) {
        let body = match entry {
            Entry::Line(line) => return push_line(lines, seq, &line.body),
            Entry::Loss(loss) => Body::Loss(loss.clone()),
            Entry::Repeat(repeat) => Body::Repeat(repeat.clone()),
            Entry::Unwritten(unwritten) => Body::Unwritten(*unwritten),
        };
        let record = Record::new(&self.clock, self.clock.boot_ns(), body);
        match render(record) {
            Ok(body) => push_line(lines, seq, &body),
            Err(error) => tracing::error!("a report is not in the violation log: {error}"),
        }
    }
}

fn wait<'a>(
    shared: &Shared,
    state: MutexGuard<'a, State>,
    time: Duration,
) -> MutexGuard<'a, State> {
    shared
        .wake
        .wait_timeout(state, time)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}
