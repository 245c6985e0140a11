//! What the scopes permit, remembered: a destination that was decided once is not decided again.
//!
//! An entry says "this scope permits this destination" and nothing else. That is a fact about the
//! scope's rules, whoever asks and through whichever socket, so the hooks of calls and of packets
//! share the entries, and a new scope word makes all old ones unreachable. What depends on more
//! than the rules (a peer of the same agent, a local end to listen on) or must be counted (a
//! refusal, an observation) is never here.

use agentguard_common::{decision::Endpoint, scope::ScopeWord};

use crate::{
    maps::{PERMITTED, PERMITTED_BITS},
    memo,
};

/// Whether the scope is known to permit the destination.
#[inline(always)]
pub fn is_known(word: ScopeWord, to: &Endpoint) -> bool {
    let Some(entry) = PERMITTED.get_ptr(index(word, to)) else {
        return false;
    };
    // SAFETY: the pointer is to this CPU's value.
    let Some([known, hi, lo, end]) = (unsafe { memo::read(entry) }) else {
        return false;
    };
    let [wanted, to_hi, to_lo, to_end] = words(word, to);
    (known ^ wanted) | (hi ^ to_hi) | (lo ^ to_lo) | (end ^ to_end) == 0
}

/// Remembers that the scope's rules permit the destination.
#[inline(always)]
pub fn remember(word: ScopeWord, to: &Endpoint) {
    if let Some(entry) = PERMITTED.get_ptr_mut(index(word, to)) {
        // SAFETY: the pointer is to this CPU's value.
        unsafe { memo::write(entry, words(word, to)) };
    }
}

/// No protocol is 0, so no destination is all zeros, as an unused entry is.
#[inline(always)]
fn words(word: ScopeWord, to: &Endpoint) -> [u64; 4] {
    [word.0, to.address.hi, to.address.lo, end(to)]
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
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PERMITTED_BITS)) as u32
}
