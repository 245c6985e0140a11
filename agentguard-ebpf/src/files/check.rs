//! Whether an agent may access an object in some ways.

use agentguard_common::{
    event::Operation,
    limits::MAX_DEPTH,
    path::{self, Access, By, State},
    scope::ScopeWord,
    verdict::{Action, Reason, Verdict},
};

use super::{
    directories, permitted,
    scope::{self, Scope},
    stamp::Stamp,
    walk::{self, Climb, Climbed, Walk, get, repeat, set},
};
use crate::{events::text, identity::Owner, kernel::Dentry, network::scope::word, verifier};

/// What a [look] answers that finds nothing to refuse.
pub const PERMITTED: u32 = By::Allow.number() as u32;

/// How often a path is looked at if names change meanwhile.
const LOOKS: u64 = 256;

/// How often it is asked whether a rename has come to its end. Who renames holds a lock, and does not wait; but the
/// processor that it runs on can be taken away by a host of virtual machines, for milliseconds. This is tens of them.
pub const ATTEMPTS: u32 = 1 << 20;

/// How many directories above an object are asked for their state, and keep it: who visits a tree for the
/// first time has been near already.
const NEAR: u64 = 3;

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
    if word != ScopeWord::NONE && !word.confines_files() {
        return true;
    }
    let stamp = Stamp::now_or_never(word);
    if is_known(request, &stamp) {
        return true;
    }
    // What follows is verified once, not once for each answer.
    let found = look_at(request.at, request.wanted, word, request.is_named, &stamp);
    let found = verifier::forget(found);
    found == PERMITTED || report(request, word, found)
}

/// Whether it was permitted before.
#[inline(never)]
fn is_known(request: &Request, stamp: &Stamp) -> bool {
    // An entry that says nothing is of no scope, as a stamp without one is.
    if stamp.is_never() {
        return false;
    }
    let inode = request.at.inode();
    !inode.is_null() && permitted::is_known(inode, request.at, stamp, request.wanted as u8)
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

/// The look at an object, in callbacks of `bpf_loop`.
#[repr(C)]
struct Look {
    at: Dentry,
    walk: *mut Walk,
    word: ScopeWord,
    scope: Scope,
    wanted: u64,
    stamp: Stamp,
    /// The lowest name that the search for a known directory has not passed.
    below: Dentry,
}

/// Looks at an object: `By` as a number, or a [refusal](without_rule), with the access in the upper half.
#[inline(always)]
pub fn look(at: Dentry, wanted: u32, word: ScopeWord) -> u32 {
    look_at(at, wanted, word, 0, &Stamp::NEVER)
}

/// `stamp` is of a moment before, or [`NEVER`](Stamp::NEVER).
#[inline(never)]
fn look_at(at: Dentry, wanted: u32, word: ScopeWord, is_named: u32, stamp: &Stamp) -> u32 {
    let (Some(walk), Some((table, index))) = (Walk::of_current(), scope::table(word)) else {
        return without_rule(Reason::Error) as u32;
    };
    let mut look = Look {
        at,
        walk,
        word,
        // SAFETY: the walk is valid; the place is not read.
        scope: Scope::new(table, index, unsafe { &raw mut (*walk).key }),
        wanted: u64::from(wanted),
        stamp: *stamp,
        below: at,
    };
    set!(walk, found.is_named, u64::from(is_named));
    set!(walk, found.settled, 0);
    set!(walk, found.looks, LOOKS);
    repeat(ATTEMPTS, attempt, &mut look);
    if get!(walk, found.settled) == 0 {
        return without_rule(Reason::Renamed) as u32;
    }
    let by = get!(walk, found.by) as u32;
    if by == PERMITTED {
        return by;
    }
    by | (get!(walk, found.access) as u32) << 16
}

/// The number of a refusal without a rule, beside those of `By`.
pub const fn without_rule(reason: Reason) -> u64 {
    reason as u64 + 16
}

/// What a [look] has found: action, reason, rule and access, from the lowest byte on. The walk is as it
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
