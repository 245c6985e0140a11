//! `socket(2)`: an agent's sockets are of known families.

use agentguard_common::{
    event::Operation,
    process::Limits,
    socket::{AF_INET, AF_INET6, is_known_family},
    verdict::Verdict,
};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::REFUSED;
use crate::{
    events::{Attempt, settle},
    identity,
    network::scope::word,
    process::limits,
};

#[lsm(hook = "socket_create")]
pub fn socket_create(ctx: LsmContext) -> i32 {
    let (family, socket_type, protocol) = (ctx.arg::<u32>(0), ctx.arg::<u32>(1), ctx.arg::<u32>(2));
    let is_kernels: u32 = ctx.arg(3);
    if is_kernels != 0 {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    if is_known_family(family as u16, protocol as u16) && !is_loose(family as u16, owner.tag.agent)
    {
        return 0;
    }
    let word = word(owner.tag.agent);
    let mut attempt = Attempt::of(&owner, word, Operation::Socket as u8);
    attempt.family = family as u16;
    attempt.socket_type = socket_type as u16;
    attempt.protocol = protocol as u16;
    let verdict = limits(word).map_or(Verdict::ERROR, Limits::protocol);
    if settle(&attempt, verdict) {
        0
    } else {
        REFUSED
    }
}

/// Whether nothing would decide where it connects to: the programs on addresses are asked for sockets that are
/// made in the cgroups of their agent.
#[inline(always)]
fn is_loose(family: u16, agent: u32) -> bool {
    (family == AF_INET || family == AF_INET6)
        && identity::current().is_none_or(|by_cgroup| by_cgroup.tag.agent != agent)
}
