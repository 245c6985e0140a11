//! Events about a server name, which is kept with a socket.

use agentguard_common::{
    event::ShortEvent,
    verdict::{Action, Verdict},
};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use super::{Attempt, count, describe};
use crate::{
    maps::{COUNTERS, EVENTS},
    network::told::{Server, Told},
    verifier::forget,
};

/// As [`settle`](super::settle), of what TLS was told. [Its kind](agentguard_common::tls::Kind) is the event's access.
#[inline(always)]
pub fn settle(attempt: &Attempt, verdict: Verdict, told: Told) -> bool {
    if matches!(verdict.action, Action::Permit) {
        return true;
    }
    record(attempt, verdict, told.0);
    matches!(verdict.action, Action::Observe)
}

#[inline(never)]
fn record(attempt: &Attempt, verdict: Verdict, told: *mut Server) {
    let Some(counters) = COUNTERS.get_ptr_mut(attempt.tag.agent) else {
        return;
    };
    let sent = send(attempt, verdict, Told(told));
    // SAFETY: the pointer is to the agent's map value, valid until the program ends.
    unsafe { count(counters, verdict, sent) }
}

#[inline(always)]
fn send(attempt: &Attempt, verdict: Verdict, told: Told) -> bool {
    let Some(mut entry) = EVENTS.reserve_untyped::<ShortEvent>(0) else {
        return false;
    };
    let record = entry.as_mut_ptr();
    let length = forget(told.length()) & 0xff;
    // SAFETY: the entry has the size of the record, and room for any name; the helper checks the source.
    unsafe {
        let event = &raw mut (*record).event;
        describe(event, attempt, verdict);
        (*event).access = told.kind();
        (*event).text = length as u16;
        bpf_probe_read_kernel((&raw mut (*record).text).cast(), length, told.name().cast());
    }
    entry.submit(0);
    true
}
