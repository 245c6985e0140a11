//! What `/proc` says of the process behind an event.

use std::{collections::HashMap, io::Read, os::unix::ffi::OsStrExt, sync::Arc};

use agentguard_common::event::Event;
use procfs::process::Process;

use super::cmdline::{CmdlineReader, MAX_CMDLINE};
use crate::log::Clock;

/// Processes that are remembered at most.
const MAX_REMEMBERED: usize = 1024;

/// Bytes of `/proc/PID/cgroup` that are read: twelve hierarchies with the longest of paths.
const MAX_CGROUPS: u64 = 64 << 10;

/// What `/proc` says of a process. Bytes that are not UTF-8 are U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The parent's process id.
    pub ppid: Option<u32>,
    /// Path of the program.
    pub exe: Option<String>,
    /// The arguments, separated by spaces.
    pub cmdline: Option<String>,
    /// The arguments are longer than what is kept of them.
    pub cmdline_cut: bool,
    /// Path of the cgroup, from the root of cgroup v2.
    pub cgroup: Option<String>,
    /// The process was gone already.
    pub exited: bool,
}

/// Looks up processes.
#[derive(Debug)]
pub struct Enricher {
    clock: Clock,
    cmdlines: CmdlineReader,
    seen: HashMap<u32, Seen>,
    gone: Arc<ProcessFacts>,
}

/// A look at a process id.
#[derive(Debug)]
struct Seen {
    /// When the look began, in nanoseconds since boot.
    at: u64,
    /// When the process began, in nanoseconds since boot. `None` if there was no process.
    began: Option<u64>,
    facts: Arc<ProcessFacts>,
}

impl Enricher {
    /// An enricher that has seen nothing.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            cmdlines: CmdlineReader::default(),
            seen: HashMap::new(),
            gone: Arc::new(ProcessFacts {
                exited: true,
                ..ProcessFacts::default()
            }),
        }
    }

    /// The facts of the process that caused an event. `None` if no process did, or if the process
    /// that has its id does not belong to the event's agent: another's facts are never given.
    ///
    /// `path_of` gives the path of a cgroup by its id, if it is known.
    ///
    /// The call takes some tens of microseconds, and 50 ms at the very most.
    pub fn facts(
        &mut self,
        event: &Event,
        path_of: impl Fn(u64) -> Option<String>,
    ) -> Option<Arc<ProcessFacts>> {
        if event.pid == 0 {
            return None;
        }
        // A look that came after the event is nearer to it than any that could be taken now. So a
        // flood of one process's events costs one look for all that were waiting.
        let fresh = self
            .seen
            .get(&event.pid)
            .is_some_and(|seen| event.boot_ns <= seen.at);
        if !fresh {
            if self.seen.len() >= MAX_REMEMBERED {
                self.seen.clear();
            }
            let seen = self.look(event);
            self.seen.insert(event.pid, seen);
        }
        let seen = self.seen.get(&event.pid)?;
        match seen.began {
            Some(began) if began <= event.boot_ns => {
                belongs(&seen.facts, event, path_of).then(|| Arc::clone(&seen.facts))
            }
            // Whoever has the id now is another process.
            _ => Some(Arc::clone(&self.gone)),
        }
    }

    fn look(&mut self, event: &Event) -> Seen {
        let at = self.clock.boot_ns();
        let (began, facts) = self.read(event).map_or_else(
            || (None, Arc::clone(&self.gone)),
            |(began, facts)| (Some(began), Arc::new(facts)),
        );
        Seen { at, began, facts }
    }

    /// When the process began, and its facts. Everything is read through one descriptor of its
    /// directory, so that it is all of one process.
    fn read(&mut self, event: &Event) -> Option<(u64, ProcessFacts)> {
        let process = Process::new(i32::try_from(event.pid).ok()?).ok()?;
        let stat = process.stat().ok()?;
        if matches!(stat.state, 'Z' | 'X' | 'x') {
            return None;
        }
        let exe = process.exe().ok();
        let cmdline = process
            .open_relative("cmdline")
            .ok()
            .and_then(|file| self.cmdlines.read(event.agent, file));
        let exited = exe.is_none();
        let facts = ProcessFacts {
            ppid: u32::try_from(stat.ppid).ok().filter(|&ppid| ppid != 0),
            exe: exe.map(|path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()),
            cmdline_cut: cmdline
                .as_ref()
                .is_some_and(|bytes| bytes.len() as u64 > MAX_CMDLINE),
            cmdline: cmdline.map(arguments),
            cgroup: cgroup(&process),
            // Only a process that has let go of its memory has no program: it was ending as we
            // looked. (Kernel threads have none either, and are never an agent's.)
            exited,
        };
        // The kernel rounds down, so this is never later than the truth.
        let tick = 1_000_000_000 / procfs::ticks_per_second();
        Some((stat.starttime.saturating_mul(tick), facts))
    }
}

/// Whether the process is in the event's cgroup, or anywhere in the event's instance of the agent:
/// an agent may move within its own tree. If neither path is known it is taken to be.
fn belongs(facts: &ProcessFacts, event: &Event, path_of: impl Fn(u64) -> Option<String>) -> bool {
    let Some(current) = facts.cgroup.as_deref() else {
        return true;
    };
    let mut known = [event.cgroup, event.instance]
        .into_iter()
        .filter_map(path_of)
        .peekable();
    known.peek().is_none()
        || known.any(|path| {
            current
                .strip_prefix(path.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// Arguments with spaces between them.
fn arguments(mut bytes: Vec<u8>) -> String {
    bytes.truncate(usize::try_from(MAX_CMDLINE).unwrap_or(usize::MAX));
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    for byte in &mut bytes {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Path of a process's cgroup in the v2 hierarchy.
fn cgroup(process: &Process) -> Option<String> {
    let mut bytes = Vec::new();
    let file = process.open_relative("cgroup").ok()?;
    file.take(MAX_CGROUPS).read_to_end(&mut bytes).ok()?;
    bytes
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"0::"))
        .map(|path| String::from_utf8_lossy(path).into_owned())
}
