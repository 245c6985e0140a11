//! The ring buffer's one reader: from the kernel's events to records.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread::{self, JoinHandle},
};

use agentguard_common::event::{Event, LONG_TEXT, LongEvent, Operation, SHORT_TEXT, ShortEvent};
use aya::maps::{MapData, RingBuf};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{enrich::Enricher, moved};
use crate::{
    daemon::{directory::Directory, memory, names::Known},
    identity::cgroup_path::CgroupPaths,
    log::{Clock, LogHandle, RuleRef, ViolationContext},
    policy::Scope,
};

/// After how many milliseconds the ring buffer is looked at without an event: scopes that were
/// replaced wait for it to be empty.
const LOOK_AGAIN: u16 = 1000;

/// The thread that reads events.
///
/// It is a thread of its own because looking at `/proc` can take its time, and nothing else must
/// wait for that; least of all the kernel, which has no room for events that are not read.
#[derive(Debug)]
pub struct EventThread {
    thread: JoinHandle<()>,
    stop: OwnedFd,
}

/// Where events go, and what they are completed with.
pub struct Reader {
    /// The scopes that decided them.
    pub directory: Arc<Directory>,
    /// The paths of their cgroups.
    pub paths: CgroupPaths,
    /// The names of their destinations.
    pub known: Arc<Known>,
    /// The clocks.
    pub clock: Clock,
    /// The violation log.
    pub log: LogHandle,
}

impl EventThread {
    /// Starts to read.
    pub fn start(ring: RingBuf<MapData>, reader: Reader) -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        let thread = thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || run(ring, reader, &stopped))?;
        Ok(Self {
            thread,
            stop: stop.into(),
        })
    }

    /// Reads what is in the buffer, and ends. Detach the programs first, or it may never be empty.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that reads events panicked");
        }
    }
}

fn run(mut ring: RingBuf<MapData>, mut reader: Reader, stopped: &impl AsFd) {
    let mut enricher = Enricher::new(reader.clock);
    let mut stopping = false;
    loop {
        while let Some(item) = ring.next() {
            let event = event(&item).map(|(event, text)| (event, text.to_vec()));
            // The room is given back before anything slow happens.
            drop(item);
            if let Some((event, text)) = event {
                if let Err(error) = moved::kill(&event) {
                    tracing::error!(
                        "cannot kill what was moved out of an agent's cgroups: {error}"
                    );
                }
                reader.record(&event, &text, &mut enricher);
            } else {
                tracing::error!("the kernel sent an event of another size");
            }
        }
        if reader.directory.drained() {
            memory::give_back();
        }
        if stopping {
            return;
        }
        let mut fds = [
            PollFd::new(ring.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::from(LOOK_AGAIN)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => tracing::error!("cannot wait for events: {error}"),
        }
        let [_, stop] = fds;
        stopping = stop.any().unwrap_or(false);
    }
}

/// The event, and what of its object's text is there.
fn event(bytes: &[u8]) -> Option<(Event, &[u8])> {
    let (head, text) = bytes.split_at_checked(size_of::<Event>())?;
    // SAFETY: the length is an event's, every bit pattern is one, and the read needs no alignment.
    let event = unsafe { head.as_ptr().cast::<Event>().read_unaligned() };
    let length = usize::from(event.text);
    let text = match bytes.len() {
        EVENT if length == 0 => text,
        SHORT if length <= SHORT_TEXT => text.get(..length)?,
        LONG => text.get(..length.min(LONG_TEXT))?,
        _ => return None,
    };
    Some((event, text))
}

const EVENT: usize = size_of::<Event>();
const SHORT: usize = size_of::<ShortEvent>();
const LONG: usize = size_of::<LongEvent>();

impl Reader {
    fn record(&mut self, event: &Event, text: &[u8], enricher: &mut Enricher) {
        let paths = RefCell::new(&mut self.paths);
        let path_of = |id| paths.borrow_mut().path(id);
        let cgroup = path_of(event.cgroup);
        let process = enricher.facts(event, path_of);
        let Some((scope, exact)) = self.directory.scope(event.agent, event.policy) else {
            // Only declared agents have slots, and a slot has a scope before it has processes.
            tracing::error!(
                "an event of an agent in slot {} that nobody is",
                event.agent
            );
            return;
        };
        let rule = if exact { rule(&scope, event) } else { None };
        let names = has_destination(event)
            .then(|| self.known.names(event.agent, event.address))
            .flatten();
        let context = ViolationContext {
            agent: &scope.agent.name,
            owner: scope.agent.owner.as_deref(),
            text,
            names: names.as_deref(),
            rule,
            process: process.as_deref(),
            cgroup: cgroup.as_deref(),
        };
        self.log.violation(event, &context);
    }
}

/// Whether the event's address is that of a peer.
fn has_destination(event: &Event) -> bool {
    use Operation::{Connect, Packet, Send};

    matches!(
        Operation::from_number(event.operation),
        Some(Connect | Send | Packet)
    )
}

/// The rule that decided an event. Rules about paths have numbers of their own.
fn rule<'a>(scope: &'a Scope, event: &Event) -> Option<RuleRef<'a>> {
    if event.text == 0 {
        let rule = scope.rules.iter().find(|rule| rule.number == event.rule)?;
        return Some(RuleRef {
            text: scope.text(rule),
            file: &scope.file,
            line: rule.line,
        });
    }
    let rule = scope.path_rules()?.get(event.rule)?;
    Some(RuleRef {
        text: rule.text(),
        file: rule.file(&scope.file),
        line: rule.rule.line,
    })
}
