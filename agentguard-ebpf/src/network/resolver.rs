//! Where an agent's questions to name servers go: to a socket that the daemon has opened for it in
//! their network namespace.

use agentguard_common::{
    address::Address,
    decision::Endpoint,
    names::{Arrival, ResolverAddress, ResolverKey},
    scope::{FLAG_NAMES, FLAG_OBSERVE, ScopeWord},
    socket::{AF_INET, AF_INET6},
};
use aya_ebpf::{bindings::bpf_sock_addr, helpers::generated::bpf_get_netns_cookie};

use super::{cache::Cache, context::Call, peer::NoPeer, redirect::Redirect, scope::Scope};
use crate::{
    identity::Owner,
    kernel::Task,
    maps::{ARRIVALS, RESOLVERS},
};

/// What becomes of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It goes where it was sent: the scope has no rules by name.
    Straight,
    /// It goes to the resolver.
    Redirected,
    /// The daemon does not answer here. It is told.
    Nowhere,
    /// As `Nowhere`, in observe mode.
    Unanswered,
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
    word: ScopeWord,
    server: &Address,
    resolver: &mut ResolverAddress,
) -> Course {
    let flags = Scope::open(word, &NoPeer).and_then(|scope| scope.flags());
    let Some(flags) = flags else {
        return Course::Failed;
    };
    if flags & FLAG_NAMES == 0 {
        return Course::Straight;
    }
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
        return if flags & FLAG_OBSERVE == 0 {
            Course::Nowhere
        } else {
            Course::Unanswered
        };
    };
    *resolver = found;
    let noted = Redirect::note(call.socket(), netns, owner, server, resolver);
    match (noted, Cache::make(call.socket())) {
        (Some(_), Some(cache)) => {
            cache.set_redirected();
            Course::Redirected
        }
        _ => Course::Failed,
    }
}

/// Whether the daemon answers an agent in a network namespace, and there.
#[inline(always)]
pub fn is_at(netns: u64, agent: u32, there: &Endpoint) -> bool {
    let family = if there.address.v4().is_some() {
        AF_INET
    } else {
        AF_INET6
    };
    look_up(netns, agent, u32::from(family)).is_some_and(|it| {
        (it.address.hi ^ there.address.hi)
            | (it.address.lo ^ there.address.lo)
            | u64::from(it.port ^ there.port)
            == 0
    })
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
