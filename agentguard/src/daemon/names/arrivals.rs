//! Where agents go: the kernel tells when a process of one executes a program in a network namespace in which it is not
//! answered yet.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    thread::{self, JoinHandle},
};

use agentguard_common::names::Arrival;
use aya::maps::{MapData, RingBuf};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{NamesError, Shared, lock};
use crate::{kernel::resolvers::arrival, namespaces::Namespace};

/// The thread that makes sockets there.
#[derive(Debug)]
pub(in crate::daemon) struct ArrivalThread {
    thread: JoinHandle<()>,
    stop: OwnedFd,
}

impl ArrivalThread {
    /// Starts it.
    pub(in crate::daemon) fn start(ring: RingBuf<MapData>, names: Shared) -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        let thread = thread::Builder::new()
            .name("arrivals".to_owned())
            .spawn(move || run(ring, &names, &stopped))?;
        Ok(Self {
            thread,
            stop: stop.into(),
        })
    }

    /// Ends it.
    pub(in crate::daemon) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that sees where agents go panicked");
        }
    }
}

fn run(mut ring: RingBuf<MapData>, names: &Shared, stopped: &impl AsFd) {
    loop {
        while let Some(item) = ring.next() {
            let arrived = arrival(&item);
            // The room is given back before anything slow happens.
            drop(item);
            if let Some(arrived) = arrived {
                welcome(&arrived, names);
            } else {
                tracing::error!("the kernel told of an arrival of another size");
            }
        }
        let mut fds = [
            PollFd::new(ring.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => tracing::error!("cannot wait for arrivals: {error}"),
        }
        let [_, stop] = fds;
        if stop.any().unwrap_or(false) {
            return;
        }
    }
}

fn welcome(arrived: &Arrival, names: &Shared) {
    let served = match Namespace::of_process(arrived.pid) {
        // Who has the number now is somebody else, or somewhere else.
        Ok(namespace) if namespace.cookie() != arrived.netns => return,
        Ok(namespace) => lock(names).serve(arrived.agent, &namespace),
        Err(error) if is_gone(&error) => return,
        Err(error) => Err(NamesError::from(error)),
    };
    if let Err(error) = served {
        tracing::error!("process {}: {error}", arrived.pid);
    }
}

/// Whether a process has ended.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}
