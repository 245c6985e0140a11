//! Reads of `/proc/PID/cmdline` that cannot hold up the daemon.
//!
//! The file is read out of the process's own memory, under the lock of its address space. A process
//! can keep that lock for as long as it likes (with a page whose contents a FUSE server of its own
//! has to supply, for instance), and so hang whoever looks at it. The read therefore happens on a
//! thread of its own, which is given up for an agent that has hung it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread,
    time::Duration,
};

/// Bytes of a command line that are read.
pub(super) const MAX_CMDLINE: u64 = 4096;

/// How long a read may take. It takes some ten microseconds.
const PATIENCE: Duration = Duration::from_millis(50);

/// Reads command lines.
#[derive(Debug, Default)]
pub(super) struct CmdlineReader {
    idle: Option<Worker>,
    /// The threads that hang, by agent. The agent's other command lines are not read meanwhile, so
    /// that an agent costs one thread at most.
    hung: HashMap<u32, Worker>,
}

#[derive(Debug)]
struct Worker {
    files: SyncSender<File>,
    contents: Receiver<io::Result<Vec<u8>>>,
}

impl CmdlineReader {
    /// The first [`MAX_CMDLINE`] + 1 bytes of a process's command line. `None` if they cannot be
    /// had in time, or at all.
    pub(super) fn read(&mut self, agent: u32, file: File) -> Option<Vec<u8>> {
        if let Some(worker) = self.hung.get(&agent) {
            if matches!(worker.contents.try_recv(), Err(TryRecvError::Empty)) {
                return None;
            }
            // The answer is for another process, and too late.
            self.hung.remove(&agent);
        }
        let worker = match self.idle.take() {
            Some(worker) => worker,
            None => Worker::start()
                .inspect_err(|error| tracing::warn!("cannot read command lines: {error}"))
                .ok()?,
        };
        worker.files.send(file).ok()?;
        let Ok(contents) = worker.contents.recv_timeout(PATIENCE) else {
            self.hung.insert(agent, worker);
            return None;
        };
        self.idle = Some(worker);
        // A process that has just gone has no command line.
        contents.ok()
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let (files, requests) = sync_channel::<File>(1);
        let (answers, contents) = sync_channel(1);
        thread::Builder::new()
            .name("cmdline".to_owned())
            .stack_size(64 << 10)
            .spawn(move || {
                for file in requests {
                    let mut bytes = Vec::new();
                    let result = file.take(MAX_CMDLINE + 1).read_to_end(&mut bytes);
                    if answers.send(result.map(|_| bytes)).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self { files, contents })
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::OwnedFd, time::Instant};

    use super::*;

    fn pipe() -> (File, File) {
        let (read, write) = io::pipe().unwrap();
        (
            File::from(OwnedFd::from(read)),
            File::from(OwnedFd::from(write)),
        )
    }

    #[test]
    fn an_agent_that_hangs_the_reader_loses_its_own_command_lines_only() {
        let mut reader = CmdlineReader::default();
        let (hanging, mut release) = pipe();
        let start = Instant::now();
        assert_eq!(reader.read(1, hanging), None);
        assert!(start.elapsed() >= PATIENCE);

        let file = || File::open("/proc/self/cmdline").unwrap();
        let start = Instant::now();
        assert_eq!(reader.read(1, file()), None);
        assert!(
            start.elapsed() < PATIENCE,
            "the agent has no second thread to hang"
        );
        assert!(
            reader
                .read(2, file())
                .is_some_and(|bytes| !bytes.is_empty())
        );
        assert_eq!(reader.hung.len(), 1);

        release.write_all(b"late").unwrap();
        drop(release);
        let deadline = Instant::now() + Duration::from_secs(5);
        let own = loop {
            match reader.read(1, file()) {
                Some(bytes) => break bytes,
                None => assert!(Instant::now() < deadline, "the thread never came back"),
            }
        };
        assert_ne!(own, b"late");
        assert!(reader.hung.is_empty());
    }

    #[test]
    fn reads_are_bounded() {
        let mut reader = CmdlineReader::default();
        let bytes = reader.read(1, File::open("/dev/zero").unwrap()).unwrap();
        assert_eq!(bytes.len() as u64, MAX_CMDLINE + 1);
    }
}
