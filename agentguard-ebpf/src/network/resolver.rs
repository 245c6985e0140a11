//! Where an agent's questions to name servers go: to a socket that the daemon has opened for it in
//! their network namespace.

use agentguard_common::{
    address::Address,
    names::{Arrival, Asker, ResolverAddress, ResolverKey},
    socket::{AF_INET, AF_INET6},
};
use aya_ebpf::{bindings::bpf_sock_addr, helpers::generated::bpf_get_netns_cookie};

use super::{cache::Cache, context::Call, redirect::Redirect};
use crate::{
    identity::Owner,
    kernel::Task,
    maps::{ARRIVALS, RESOLVERS},
};

/// What becomes of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It goes to the resolver.
    Redirected,
    /// The daemon does not answer here. It is told.
    Nowhere,
    /// There is no memory.
    Failed,
}

/// Finds the resolver for a question of the running task to the name server at `server`, as the call
/// wrote it, and notes who asks. On [`Course::Redirected`] its address is in `resolver`.
///
/// A function of its own: it is verified once for all ways to get here, and has a stack of its own.
#[inline(never)]
pub fn find(
    context: *mut bpf_sock_addr,
    owner: &Owner,
    server: &Address,
    resolver: &mut ResolverAddress,
) -> Course {
    let call = Call(context);
    // SAFETY: the context is valid (Linux 5.7).
    let netns = unsafe { bpf_get_netns_cookie(context.cast()) };
    let agent = owner.tag.agent;
    let family = if server.v4().is_some() {
        AF_INET
    } else {
        AF_INET6
    };
    let Some(found) = look_up(netns, agent, u32::from(family)) else {
        announce(netns, agent);
        return Course::Nowhere;
    };
    *resolver = found;
    let asker = asker(owner, server);
    let noted = Redirect::note(call.socket(), netns, &asker, resolver);
    match (noted, Cache::make(call.socket())) {
        (Some(_), Some(cache)) => {
            cache.set_redirected();
            Course::Redirected
        }
        _ => Course::Failed,
    }
}

#[inline(always)]
fn look_up(netns: u64, agent: u32, family: u32) -> Option<ResolverAddress> {
    let key = ResolverKey {
        netns,
        agent,
        family,
    };
    // SAFETY: the daemon replaces an address as a whole.
    unsafe { RESOLVERS.get(&key) }.copied()
}

/// Tells the daemon of a network namespace in which the running task is. What finds no room is
/// forgotten: there is another moment.
#[inline(always)]
pub fn announce(netns: u64, agent: u32) {
    let Some(mut entry) = ARRIVALS.reserve(0) else {
        return;
    };
    let task = Task::current();
    entry.write(Arrival {
        netns,
        started_ns: task.started(),
        agent,
        pid: task.pid(),
    });
    entry.submit(0);
}

/// Whether the daemon answers an agent in a network namespace.
#[inline(always)]
pub fn is_there(netns: u64, agent: u32) -> bool {
    look_up(netns, agent, u32::from(AF_INET)).is_some()
}

#[inline(always)]
fn asker(owner: &Owner, server: &Address) -> Asker {
    let task = Task::current();
    let mut asker = Asker {
        instance: owner.tag.instance,
        cgroup: owner.cgroup,
        started_ns: task.started(),
        server: *server,
        agent: owner.tag.agent,
        pid: task.pid(),
        tid: task.tid(),
        uid: task.uid(),
        comm: [0; _],
    };
    for (index, byte) in asker.comm.iter_mut().enumerate() {
        *byte = task.comm(index);
    }
    asker
}
