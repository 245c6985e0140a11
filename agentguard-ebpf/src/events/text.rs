//! Events about objects that have a name: the name follows the event.

use agentguard_common::{
    event::{LONG_TEXT, LongEvent, SHORT_TEXT, ShortEvent},
    limits::{MAX_COMPONENT, MAX_DEPTH},
    scope::ScopeWord,
    verdict::{Action, Verdict},
};
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str};

use super::{Attempt, count, describe};

use crate::{
    files::{
        check::Request,
        climb::Climb,
        walk::{Walk, get, link, repeat, set},
    },
    maps::{COUNTERS, EVENTS},
};

/// Records the refusal or observation of an access to a file.
#[inline(never)]
pub fn record(request: &Request, word: ScopeWord, access: u8, verdict: Verdict) {
    let attempt = &Attempt::of(&request.owner, word, request.operation as u8);
    let Some(counters) = COUNTERS.get_ptr_mut(request.owner.tag.agent) else {
        return;
    };
    let names = if request.is_named == 0 {
        climb(request)
    } else {
        Walk::of_current()
    };
    let sent = match names {
        Some(walk) if request.is_named != 0 => send_name(attempt, access, verdict, walk),
        Some(walk) if get!(walk, bytes) <= SHORT_TEXT as u64 => {
            send_short(attempt, access, verdict, walk)
        }
        Some(walk) => send_long(attempt, access, verdict, walk),
        None => false,
    };
    // SAFETY: the pointer is to the agent's map value, valid until the program ends.
    unsafe { count(counters, verdict, sent) }
}

/// Finds the names of the object. Where the climb ends is what the verdict says.
#[inline(never)]
fn climb(request: &Request) -> Option<*mut Walk> {
    let walk = Walk::of_current()?;
    let _ = Climb::from(request.at, walk);
    Some(walk)
}

macro_rules! send {
    ($name:ident, $event:ty, $step:expr) => {
        #[inline(never)]
        fn $name(attempt: &Attempt, access: u8, verdict: Verdict, walk: *mut Walk) -> bool {
            let Some(mut entry) = EVENTS.reserve_untyped::<$event>(0) else {
                return false;
            };
            let record = entry.as_mut_ptr();
            // Nothing is only the root.
            let length = get!(walk, bytes).max(1) as u16;
            // SAFETY: the entry has the size of the record.
            unsafe {
                let event = &raw mut (*record).event;
                describe(event, attempt, verdict);
                (*event).access = access;
                (*event).text = length;
                write((&raw mut (*record).text).cast(), walk, $step);
            }
            entry.submit(0);
            true
        }
    };
}

send!(send_short, ShortEvent, write_short);
send!(send_long, LongEvent, write_long);

/// Records what has a name that is no path.
#[inline(never)]
fn send_name(attempt: &Attempt, access: u8, verdict: Verdict, walk: *mut Walk) -> bool {
    let Some(mut entry) = EVENTS.reserve_untyped::<ShortEvent>(0) else {
        return false;
    };
    let record = entry.as_mut_ptr();
    let length = get!(walk, bytes) as u32 & MAX_COMPONENT as u32;
    // SAFETY: the entry has the size of the record, and room for any component; the helper checks the source.
    unsafe {
        let event = &raw mut (*record).event;
        describe(event, attempt, verdict);
        (*event).access = access;
        (*event).text = length as u16;
        let link = link(walk, 0);
        bpf_probe_read_kernel(
            (&raw mut (*record).text).cast(),
            length,
            core::ptr::without_provenance((*link).name as usize),
        );
    }
    entry.submit(0);
    true
}

/// A text on its way into a record, in callbacks of `bpf_loop`.
#[repr(C)]
struct Text {
    text: *mut u8,
    walk: *mut Walk,
}

/// Writes the names of a path, a slash before each, as long as they begin before the limit.
///
/// # Safety
///
/// `text` must have [`TEXT_MARGIN`](agentguard_common::event::TEXT_MARGIN) bytes more than the limit.
#[inline(always)]
unsafe fn write(text: *mut u8, walk: *mut Walk, step: extern "C" fn(u64, *mut Text) -> i64) {
    // SAFETY: the caller's promise.
    unsafe { *text = b'/' };
    set!(walk, written, 0);
    repeat(MAX_DEPTH as u32, step, &mut Text { text, walk });
}

extern "C" fn write_short(step: u64, text: *mut Text) -> i64 {
    // SAFETY: the context of the loop.
    unsafe { write_name(&*text, step, SHORT_TEXT as u64) }
}

extern "C" fn write_long(step: u64, text: *mut Text) -> i64 {
    // SAFETY: the context of the loop.
    unsafe { write_name(&*text, step, LONG_TEXT as u64) }
}

#[inline(always)]
unsafe fn write_name(text: &Text, step: u64, limit: u64) -> i64 {
    let walk = text.walk;
    let (count, at) = (get!(walk, count), get!(walk, written));
    if step >= count || at >= limit {
        return 1;
    }
    // SAFETY: what begins before the limit has room; the helper checks the source.
    let length = unsafe {
        let link = link(walk, count - 1 - step);
        let length = (*link).length & MAX_COMPONENT as u32;
        *text.text.add(at as usize) = b'/';
        bpf_probe_read_kernel(
            text.text.add(at as usize + 1).cast(),
            length,
            core::ptr::without_provenance((*link).name as usize),
        );
        length
    };
    set!(walk, written, at + u64::from(length) + 1);
    0
}

/// As [`settle`](super::settle), of what is about a string of the kernel's.
#[inline(always)]
pub fn settle(attempt: &Attempt, verdict: Verdict, text: *const u8) -> bool {
    if matches!(verdict.action, Action::Permit) {
        return true;
    }
    record_string(attempt, verdict, text);
    matches!(verdict.action, Action::Observe)
}

#[inline(never)]
fn record_string(attempt: &Attempt, verdict: Verdict, text: *const u8) {
    let Some(counters) = COUNTERS.get_ptr_mut(attempt.tag.agent) else {
        return;
    };
    let sent = send_string(attempt, verdict, text);
    // SAFETY: the pointer is to the agent's map value, valid until the program ends.
    unsafe { count(counters, verdict, sent) }
}

#[inline(always)]
fn send_string(attempt: &Attempt, verdict: Verdict, text: *const u8) -> bool {
    let Some(mut entry) = EVENTS.reserve_untyped::<LongEvent>(0) else {
        return false;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: the entry has the size of the record; the helper checks the source, and writes no more than the
    // text has room for.
    unsafe {
        let event = &raw mut (*record).event;
        describe(event, attempt, verdict);
        let length = bpf_probe_read_kernel_str(
            (&raw mut (*record).text).cast(),
            LONG_TEXT as u32,
            text.cast(),
        );
        // With its NUL.
        (*event).text = (length - 1).max(0) as u16;
    }
    entry.submit(0);
    true
}
