//! What the scopes permit, remembered: a destination that was decided once is not decided again.
//!
//! An entry says "this scope permits this destination" and nothing else. That is a fact about the
//! scope's rules, whoever asks and through whichever socket, so the hooks of calls and of packets
//! share the entries, and a new scope word makes all old ones unreachable. What depends on more
//! than the rules (a peer of the same agent, a local end to listen on) or must be counted (a
//! refusal, an observation) is never here.
//!
//! Each CPU has a table of its own. On one CPU memory is in order, but programs can be interrupted
//! by others and preempted: a writer keeps other writers out, and a reader takes only an entry that
//! nobody wrote to meanwhile.

use core::ptr::{read_volatile, write_volatile};

use agentguard_common::{decision::Endpoint, scope::ScopeWord};

use crate::{
    atomic::add,
    maps::{MEMO, MEMO_BITS},
};

/// An entry of the table.
#[repr(C)]
pub struct Entry {
    /// How many writers are at it; who is not alone may not write.
    writers: u64,
    /// Odd while it is written, and never the same twice.
    sequence: u64,
    word: u64,
    hi: u64,
    lo: u64,
    /// Port and protocol.
    end: u64,
}

/// Whether the scope is known to permit the destination.
#[inline(always)]
pub fn permits(word: ScopeWord, to: &Endpoint) -> bool {
    let Some(entry) = MEMO.get_ptr(index(word, to)) else {
        return false;
    };
    // SAFETY: the pointer is to a map value; each member is one word. The reads are volatile so
    // that they stay in this order.
    unsafe {
        let sequence = read_volatile(&raw const (*entry).sequence);
        let other = (read_volatile(&raw const (*entry).word) ^ word.0)
            | (read_volatile(&raw const (*entry).hi) ^ to.address.hi)
            | (read_volatile(&raw const (*entry).lo) ^ to.address.lo)
            | (read_volatile(&raw const (*entry).end) ^ end(to))
            | (sequence & 1);
        other == 0 && read_volatile(&raw const (*entry).sequence) == sequence
    }
}

/// Remembers that the scope's rules permit the destination.
#[inline(always)]
pub fn remember(word: ScopeWord, to: &Endpoint) {
    let Some(entry) = MEMO.get_ptr_mut(index(word, to)) else {
        return;
    };
    // SAFETY: as above. Who sees no count but its own is alone until it has taken that back: all
    // others on this CPU count themselves before they look.
    unsafe {
        let writers = &raw mut (*entry).writers;
        add(writers, 1);
        if read_volatile(writers) == 1 {
            let sequence = read_volatile(&raw const (*entry).sequence);
            write_volatile(&raw mut (*entry).sequence, sequence | 1);
            write_volatile(&raw mut (*entry).word, word.0);
            write_volatile(&raw mut (*entry).hi, to.address.hi);
            write_volatile(&raw mut (*entry).lo, to.address.lo);
            write_volatile(&raw mut (*entry).end, end(to));
            write_volatile(&raw mut (*entry).sequence, (sequence | 1) + 1);
        }
        add(writers, u64::MAX);
    }
}

#[inline(always)]
fn end(to: &Endpoint) -> u64 {
    u64::from(to.port) << 8 | to.protocol as u64
}

/// Fibonacci hashing (Knuth, volume 3, section 6.4). An agent that finds destinations with the same
/// index gains nothing: they are decided.
#[inline(always)]
fn index(word: ScopeWord, to: &Endpoint) -> u32 {
    let mixed = to.address.lo ^ to.address.hi.rotate_left(32) ^ end(to) << 32 ^ word.0;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - MEMO_BITS)) as u32
}
