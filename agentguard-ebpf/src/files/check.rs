//! Whether an agent may access an object in some ways.

use agentguard_common::{
    event::Operation,
    path::{self, By},
    scope::ScopeWord,
    verdict::{Action, Reason, Verdict},
};

use super::{
    beneath,
    look::{PERMITTED, look_at},
    permitted,
    scope::{self, Scope},
    stamp::Stamp,
    walk::Walk,
};
use crate::{events::text, identity::Owner, kernel::Dentry, network::scope::word, verifier};

/// An access, as its record will say it.
pub struct Request {
    /// Whose it is.
    pub owner: Owner,
    /// The object.
    pub at: Dentry,
    /// [Bits](Access::bit) of the accesses.
    wanted: u32,
    /// Number of the [`Operation`].
    pub operation: u32,
    /// 1 if the object's only name [is in the walk](super::walk::Walk::name) already.
    pub is_named: u32,
}

impl Request {
    /// The verifier shall not tell one kind of access from another: it would verify each.
    #[inline(always)]
    pub fn new(owner: Owner, at: Dentry, wanted: u8, operation: Operation) -> Self {
        Self {
            owner,
            at,
            wanted: verifier::forget(u32::from(wanted)),
            operation: verifier::forget(operation as u32),
            is_named: 0,
        }
    }

    /// Of what has no place among files, and whose name is in the walk. `at` is a null pointer of its type.
    #[inline(always)]
    pub fn named(owner: Owner, at: Dentry, wanted: u8, operation: Operation) -> Self {
        Self {
            is_named: 1,
            ..Self::new(owner, at, wanted, operation)
        }
    }
}

/// Whether the operation may go on. What is refused or observed is recorded.
#[inline(always)]
pub fn is_permitted(request: &Request) -> bool {
    let word = word(request.owner.tag.agent);
    // Without a scope it may do nothing, and `look` says so.
    (word != ScopeWord::NONE && !word.confines_files()) || decide(request, word)
}

/// As [`is_permitted`], of an operation that the scope confines.
#[inline(always)]
pub fn decide(request: &Request, word: ScopeWord) -> bool {
    let stamp = Stamp::now_or_never(word);
    if is_known(request, &stamp) {
        return true;
    }
    // What follows is verified once, not once for each answer.
    let found = look_at(request.at, request.wanted, word, request.is_named, &stamp);
    let found = verifier::forget(found);
    found == PERMITTED || report(request, word, found)
}

/// Whether it was permitted before, or all is that lies beneath a directory above.
#[inline(never)]
fn is_known(request: &Request, stamp: &Stamp) -> bool {
    // An entry that says nothing is of no scope, as a stamp without one is.
    if stamp.is_never() {
        return false;
    }
    let inode = request.at.inode();
    if !inode.is_null() && permitted::is_known(inode, request.at, stamp, request.wanted as u8) {
        return true;
    }
    beneath::is_known(request.at, request.wanted, stamp)
}

/// Records what was found, and says whether it may go on after all.
#[inline(never)]
pub fn report(request: &Request, word: ScopeWord, found: u32) -> bool {
    // As one number, of which nothing is known: what follows is verified once, not once for each.
    let outcome = verifier::forget_wide(outcome(word, found));
    let verdict = Verdict {
        action: if outcome as u8 == Action::Observe as u8 {
            Action::Observe
        } else {
            Action::Refuse
        },
        reason: Reason::from_number((outcome >> 8) as u8).unwrap_or(Reason::Error),
        rule: (outcome >> 16) as u16,
    };
    text::record(request, word, (outcome >> 32) as u8, verdict);
    matches!(verdict.action, Action::Observe)
}

/// What a [look](super::look) has found: action, reason, rule and access, from the lowest byte on. The walk is as it
/// left it.
#[inline(never)]
fn outcome(word: ScopeWord, found: u32) -> u64 {
    let (by, access) = (found & 0xff, u64::from(found >> 16));
    let verdict = match (Walk::of_current(), scope::table(word)) {
        (Some(walk), Some((table, index))) => {
            // SAFETY: the walk is this task's own.
            let (key, state) = unsafe { (&raw mut (*walk).key, &(*walk).state) };
            let scope = Scope::new(table, index, key);
            match (By::from_number(by as u8), by.checked_sub(16)) {
                (Some(by), _) => {
                    let allow = table.header.allow(access as usize);
                    path::verdict(&scope, state, allow, by)
                }
                (None, Some(reason)) => {
                    match Reason::from_number(reason as u8) {
                        // In observe mode, too.
                        None | Some(Reason::Error) => Verdict::ERROR,
                        Some(reason) => Verdict::refusal(reason, table.header.flags),
                    }
                }
                (None, None) => Verdict::ERROR,
            }
        }
        _ => Verdict::ERROR,
    };
    let (action, reason) = (verdict.action as u64, verdict.reason as u64);
    action | reason << 8 | u64::from(verdict.rule) << 16 | access << 32
}
