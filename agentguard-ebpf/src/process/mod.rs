//! What an agent does to processes, namespaces and the kernel.

mod ioctl;
mod kernel_code;
mod mount;
mod namespace;
mod signal;
mod trace;

use agentguard_common::{
    event::Operation,
    process::Limits,
    scope::{Header, ScopeWord},
    verdict::Verdict,
};

use crate::{
    events::{Attempt, settle},
    identity::Owner,
    maps::BANKS,
    network::scope::word,
    verifier,
};

/// `-EPERM`.
pub const REFUSED: i32 = -1;

/// What the scope says that a word names. `None`, an error, if it is not there.
#[inline(always)]
pub fn limits(word: ScopeWord) -> Option<Limits> {
    if word == ScopeWord::NONE {
        return None;
    }
    let bank = BANKS.get(word.bank())?;
    let header = Header::unpack(bank.get(word.row())?.key);
    (header.version == word.version()).then(|| Limits::of(&header))
}

/// The answer to what an agent does: `decide` says it of its scope. What is refused or observed is recorded,
/// with two numbers that belong to the operation.
#[inline(always)]
pub fn answer(
    owner: &Owner,
    operation: Operation,
    numbers: (u64, u64),
    decide: impl Fn(Limits) -> Verdict,
) -> i32 {
    let word = word(owner.tag.agent);
    let verdict = limits(word).map_or(Verdict::ERROR, decide);
    let mut attempt = Attempt::of(owner, word, operation as u8);
    attempt.address.hi = numbers.0;
    attempt.address.lo = numbers.1;
    // A constant: newer kernels want to see what a program on a security hook returns.
    if verifier::forget(u32::from(settle(&attempt, verdict))) != 0 {
        0
    } else {
        REFUSED
    }
}
