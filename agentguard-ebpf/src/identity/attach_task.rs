//! A process is moved to another cgroup.
//!
//! Into an agent's: it is the agent's from now on. Out of its agent's: whoever of the agent's did that is
//! killed, unless the scope only observes, and the daemon kills what was moved. Somebody else, root or systemd,
//! may do it, and the process remains the agent's for what security hooks decide.
//!
//! The kernel calls the tracepoint once it has moved all threads (`cgroup_attach_task` in
//! `kernel/cgroup/cgroup.c`), and names one of them.

use agentguard_common::{event::Operation, identity::Tag, process::Limits, verdict::Verdict};
use aya_ebpf::{
    helpers::generated::{bpf_get_current_cgroup_id, bpf_send_signal},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};

use super::{Owner, manager, of, sticky, tag};
use crate::{
    events::{Attempt, text},
    kernel::{Cgroup, Task},
    network::scope::word,
    process::limits,
};

/// The service manager's process.
const MANAGER: u32 = 1;
/// `SIGKILL`.
const KILL: u32 = 9;

#[btf_tracepoint(function = "cgroup_attach_task")]
pub fn cgroup_attach_task(ctx: BtfTracePointContext) -> i32 {
    let cgroup = Cgroup::new(ctx.arg(0));
    if !cgroup.is_v2() {
        return 0;
    }
    let task = Task::new(ctx.arg(2));
    let to = of(cgroup);
    let Some(was) = sticky::noted(task) else {
        if let Some(tag) = to {
            // What prepares a service goes there by itself, or is put there by the service manager, whichever comes
            // first; what somebody else puts there is held at once.
            let by = Task::current().pid();
            let reserved = if by == task.pid() || by == MANAGER {
                manager::stage(task)
            } else {
                0
            };
            let tag = Tag { reserved, ..tag };
            // Without memory it is known by its cgroup alone.
            sticky::note(task, tag);
        }
        return 0;
    };
    if let Some(tag) = to
        && tag.agent == was.agent
    {
        let reserved = was.reserved;
        sticky::note(task, Tag { reserved, ..tag });
        return 0;
    }
    sticky::count_stray();
    let Some(mover) = mover() else {
        return 0;
    };
    let word = word(mover.tag.agent);
    let verdict = limits(word).map_or(Verdict::ERROR, Limits::never);
    let mut attempt = Attempt::of(&mover, word, Operation::Cgroup as u8);
    if task.pid() != Task::current().pid() {
        attempt.address.lo = u64::from(task.pid());
        attempt.address.hi = task.started();
    }
    if !text::settle(&attempt, verdict, ctx.arg(1)) {
        // SAFETY: the helper has no preconditions (Linux 5.3).
        unsafe { bpf_send_signal(KILL) };
    }
    0
}

/// The agent whose the running task is, if it is one's. It may have moved itself, and then its cgroup says
/// nothing.
#[inline(always)]
fn mover() -> Option<Owner> {
    // SAFETY: the helper has no preconditions (Linux 4.18).
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    let tag = sticky::noted(Task::current()).or_else(|| tag(cgroup))?;
    Some(Owner { cgroup, tag })
}
