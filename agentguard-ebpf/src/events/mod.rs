//! What becomes of a verdict: count it, record it, answer the hook.

use agentguard_common::{
    address::Address,
    counters::Counters,
    decision::{Action, Verdict},
    event::{COMM_LEN, Event},
    identity::Tag,
    scope::ScopeWord,
};
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;

pub mod name;
pub mod text;

use crate::{
    atomic::add_one,
    identity::Owner,
    kernel::Task,
    maps::{COUNTERS, EVENTS},
};

/// What an agent tried, as its record will say it.
pub struct Attempt {
    /// Whose it is.
    pub tag: Tag,
    /// The scope that decided.
    pub word: ScopeWord,
    /// Cgroup id of the socket or of the task.
    pub cgroup: u64,
    /// Number of the [`Operation`](agentguard_common::event::Operation).
    pub operation: u8,
    /// The address it is about.
    pub address: Address,
    /// The port it is about, in host byte order.
    pub port: u16,
    /// `AF_…`.
    pub family: u16,
    /// `SOCK_…`.
    pub socket_type: u16,
    /// `IPPROTO_…`.
    pub protocol: u16,
}

impl Attempt {
    /// What a task tried that has nothing to do with an address.
    #[inline(always)]
    pub fn of(owner: &Owner, word: ScopeWord, operation: u8) -> Self {
        Self {
            tag: owner.tag,
            word,
            cgroup: owner.cgroup,
            operation,
            address: Address::MIN,
            port: 0,
            family: 0,
            socket_type: 0,
            protocol: 0,
        }
    }
}

/// Carries a verdict out: whether the operation may go on. What is refused or observed is counted
/// and recorded, once.
#[inline(always)]
pub fn settle(attempt: &Attempt, verdict: Verdict) -> bool {
    match verdict.action {
        Action::Permit => true,
        Action::Observe => {
            record(attempt, verdict);
            true
        }
        Action::Refuse => {
            record(attempt, verdict);
            false
        }
    }
}

/// Counts a packet of a socket whose refusal to the same destination is recorded already.
#[inline(always)]
pub fn repeat(agent: u32) {
    if let Some(counters) = COUNTERS.get_ptr_mut(agent) {
        // SAFETY: the pointer is to the agent's map value, valid until the program ends.
        unsafe {
            add_one(&raw mut (*counters).refused);
            add_one(&raw mut (*counters).repeated);
        }
    }
}

#[inline(never)]
fn record(attempt: &Attempt, verdict: Verdict) {
    let Some(counters) = COUNTERS.get_ptr_mut(attempt.tag.agent) else {
        return;
    };
    let sent = send(attempt, verdict);
    // SAFETY: the pointer is to the agent's map value, valid until the program ends.
    unsafe { count(counters, verdict, sent) }
}

/// # Safety
///
/// `counters` must point to a map value.
#[inline(always)]
unsafe fn count(counters: *mut Counters, verdict: Verdict, sent: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        if matches!(verdict.action, Action::Refuse) {
            add_one(&raw mut (*counters).refused);
        } else {
            add_one(&raw mut (*counters).observed);
        }
        if sent {
            add_one(&raw mut (*counters).recorded);
        } else {
            add_one(&raw mut (*counters).lost);
        }
    }
}

#[inline(always)]
fn send(attempt: &Attempt, verdict: Verdict) -> bool {
    let Some(mut entry) = EVENTS.reserve(0) else {
        return false;
    };
    let event = entry.as_mut_ptr();
    // SAFETY: the entry has the size of an event.
    unsafe { describe(event, attempt, verdict) };
    entry.submit(0);
    true
}

/// Writes every field of an event. They are written one by one because a whole event would not fit on
/// the stack beside the decision.
///
/// # Safety
///
/// `event` must point to an event.
#[inline(always)]
unsafe fn describe(event: *mut Event, attempt: &Attempt, verdict: Verdict) {
    // SAFETY: the caller's promise.
    unsafe {
        (*event).boot_ns = bpf_ktime_get_boot_ns();
        (*event).cgroup = attempt.cgroup;
        (*event).instance = attempt.tag.instance;
        (*event).address = attempt.address;
        (*event).agent = attempt.tag.agent;
        (*event).policy = attempt.word.version();
        (*event).family = attempt.family;
        (*event).socket_type = attempt.socket_type;
        (*event).protocol = attempt.protocol;
        (*event).port = attempt.port;
        (*event).rule = verdict.rule;
        (*event).operation = attempt.operation;
        (*event).action = verdict.action as u8;
        (*event).reason = verdict.reason as u8;
        (*event).access = 0;
        (*event).text = 0;
        describe_task(event, attempt.cgroup);
    }
}

/// Says who did it, unless another's task is running: a packet may leave at any time (a
/// retransmission, for instance).
///
/// # Safety
///
/// `event` must point to an event.
#[inline(always)]
unsafe fn describe_task(event: *mut Event, cgroup: u64) {
    let task = Task::current();
    let own = task.cgroup() == cgroup;
    // SAFETY: the caller's promise.
    unsafe {
        if own {
            (*event).started_ns = task.started();
            (*event).pid = task.pid();
            (*event).tid = task.tid();
            (*event).uid = task.uid();
            for index in 0..COMM_LEN {
                (&raw mut (*event).comm)
                    .cast::<u8>()
                    .add(index)
                    .write_volatile(task.comm(index));
            }
        } else {
            (*event).started_ns = 0;
            (*event).pid = 0;
            (*event).tid = 0;
            (*event).uid = 0;
            (*event).comm = [0; COMM_LEN];
        }
    }
}
