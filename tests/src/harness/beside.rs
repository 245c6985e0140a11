//! A daemon without agents that runs beside the groups, in emulated machines.
//!
//! The kernel rewrites its own code when the first program of a kind is attached to a cgroup, and again
//! when the last one goes. Processors that run this code meanwhile meet a breakpoint that the kernel
//! expects. An emulated one (QEMU 7.2, with a thread a processor) was seen to meet it when it was over,
//! and the kernel panicked: `Oops: int3` in `inet_create`, as a daemon was killed under load. With a
//! daemon that stays nothing is rewritten. Natively every daemon is the first and the last.

use super::Options;
use crate::{
    daemon::{Daemon, Settings},
    error::Outcome,
    host,
};

/// Starts it where it is needed. Where systemd has the cgroups there is room for one daemon only, which
/// those groups start themselves.
pub(super) fn start(options: &Options) -> Outcome<Option<Daemon>> {
    if options.systemd || !host::is_emulated() {
        return Ok(None);
    }
    Daemon::start(Settings::new(&options.agentguard), &[]).map(Some)
}
