//! An agent's process executes a program in a network namespace: the daemon answers its questions
//! there. The hook is there only if an agent has rules by name.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use super::{
    peer::NoPeer,
    resolver::{announce, is_there},
    scope::{Scope, word},
};
use crate::{identity, kernel::Task};

#[btf_tracepoint(function = "sched_process_exec")]
pub fn sched_process_exec(_: BtfTracePointContext) -> i32 {
    let Some(owner) = identity::current() else {
        return 0;
    };
    let agent = owner.tag.agent;
    if Scope::open(word(agent), &NoPeer).is_some_and(|scope| scope.has_names()) {
        let netns = Task::current().network_namespace();
        if !is_there(netns, agent) {
            announce(netns, agent);
        }
    }
    0
}
