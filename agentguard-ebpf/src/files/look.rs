//! A look at an object: the names on its path, what they lead to, and what follows.

use agentguard_common::{
    limits::MAX_DEPTH,
    path::{self, Access, By, State},
    scope::ScopeWord,
    verdict::Reason,
};

use super::{
    enter::{enter, note_beneath, permits},
    permitted,
    prepare::prepare,
    scope::{self, Scope},
    stamp::Stamp,
    walk::{Walk, get, repeat, set},
};
use crate::{kernel::Dentry, verifier};

/// What a [look] answers that finds nothing to refuse.
pub const PERMITTED: u32 = By::Allow.number() as u32;

/// How often a path is looked at if names change meanwhile.
const LOOKS: u64 = 256;

/// How often it is asked whether a rename has come to its end. Who renames holds a lock, and does not wait; but the
/// processor that it runs on can be taken away by a host of virtual machines, for milliseconds. This is tens of them.
pub const ATTEMPTS: u32 = 1 << 20;

/// The look at an object, in callbacks of `bpf_loop`.
#[repr(C)]
pub struct Look {
    /// The object.
    pub at: Dentry,
    /// Where its names are.
    pub walk: *mut Walk,
    word: ScopeWord,
    /// What the names are compared with.
    pub scope: Scope,
    /// The lowest name that the search for a known directory has not passed.
    pub below: Dentry,
}

/// Looks at an object: `By` as a number, or a [refusal](without_rule), with the access in the upper half.
#[inline(always)]
pub fn look(at: Dentry, wanted: u32, word: ScopeWord) -> u32 {
    look_at(at, wanted, word, 0, &Stamp::NEVER)
}

/// `stamp` is of a moment before, or [`NEVER`](Stamp::NEVER).
#[inline(never)]
pub fn look_at(at: Dentry, wanted: u32, word: ScopeWord, is_named: u32, stamp: &Stamp) -> u32 {
    let (Some(walk), Some((table, index))) = (Walk::of_current(), scope::table(word)) else {
        return without_rule(Reason::Error) as u32;
    };
    let mut look = Look {
        at,
        walk,
        word,
        // SAFETY: the walk is valid; the place is not read.
        scope: Scope::new(table, index, unsafe { &raw mut (*walk).key }),
        below: at,
    };
    set!(walk, found.wanted, u64::from(wanted));
    set!(walk, found.stamp, *stamp);
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

/// When an object is looked at.
#[inline(always)]
pub fn stamp_of<'a>(walk: *mut Walk) -> &'a Stamp {
    // SAFETY: the walk is this task's own.
    unsafe { &(*walk).found.stamp }
}

// Functions of their own for their part of the stack.

/// Notes that an object is looked at now. `false` if something is renamed just now.
#[inline(never)]
fn restamp(walk: *mut Walk, word: ScopeWord) -> bool {
    let Some(stamp) = Stamp::now(word) else {
        return false;
    };
    set!(walk, found.stamp, stamp);
    true
}

/// Whether nothing has changed since.
#[inline(never)]
fn is_still_true(walk: *mut Walk, word: ScopeWord) -> bool {
    Stamp::now(word).is_some_and(|now| now.is(stamp_of(walk)))
}

extern "C" fn attempt(number: u64, look: *mut Look) -> i64 {
    // SAFETY: the context of the loop.
    let look = unsafe { &mut *look };
    let walk = look.walk;
    let is_stamped = number == 0 && get!(walk, found.stamp.word) != 0;
    if !is_stamped && !restamp(walk, look.word) {
        return 0;
    }
    let left = get!(walk, found.looks);
    if left == 0 {
        return 1;
    }
    set!(walk, found.looks, left - 1);
    once(look);
    if !is_still_true(walk, look.word) {
        return 0;
    }
    set!(walk, found.settled, 1);
    let is_permitted = get!(walk, found.by) == u64::from(By::Allow.number());
    if is_permitted && get!(walk, found.keeps) != 0 {
        let inode = look.at.inode();
        if !inode.is_null() {
            permitted::remember(
                inode,
                look.at,
                stamp_of(walk),
                get!(walk, found.wanted) as u8,
            );
        }
        let permitted = verifier::forget(permits(look));
        note_beneath(look, permitted as u8);
    }
    1
}

/// Decides.
#[inline(always)]
fn once(look: &mut Look) {
    if !prepare(look) {
        return;
    }
    let walk = look.walk;
    set!(walk, found.by, u64::from(PERMITTED));
    let is_steady = u64::from(get!(walk, state.is_steady));
    set!(walk, found.steady, get!(walk, found.left) * is_steady);
    set!(walk, found.sought, get!(walk, state.sought));
    repeat(MAX_DEPTH as u32, enter, look);
    if get!(walk, found.failed) != 0 {
        set!(walk, found.by, without_rule(Reason::Error));
        set!(walk, found.keeps, 0);
        return;
    }
    set!(walk, found.unjudged, get!(walk, found.wanted));
    repeat(Access::ALL.len() as u32, judge, look);
}

/// The first of some accesses.
#[inline(always)]
pub fn first(wanted: u64) -> u64 {
    let others = [Access::Write, Access::Exec, Access::Connect];
    let below = |access: &Access| wanted & (u64::from(access.bit()) - 1) == 0;
    others
        .iter()
        .filter(|access| wanted != 0 && below(access))
        .count() as u64
}

extern "C" fn judge(_: u64, look: *mut Look) -> i64 {
    // SAFETY: the context of the loop.
    let look = unsafe { &mut *look };
    let walk = look.walk;
    let unjudged = get!(walk, found.unjudged);
    if unjudged == 0 {
        return 1;
    }
    let access = first(unjudged);
    set!(walk, found.unjudged, unjudged & (unjudged - 1));
    // SAFETY: the walk is this task's own.
    let state: &State = unsafe { &(*walk).state };
    let allow = look.scope.table.header.allow(access as usize);
    let by = match path::judge(&look.scope, state, allow) {
        Some(by) => u64::from(by.number()),
        None => without_rule(Reason::Error),
    };
    let is_observed = by == By::ObservedDeny as u64 || by == By::ObservedAllow as u64;
    // The first that is observed stands, unless another is refused.
    let stands = is_observed && get!(walk, found.by) != u64::from(PERMITTED);
    if by == u64::from(PERMITTED) || stands {
        return 0;
    }
    set!(walk, found.access, access);
    set!(walk, found.by, by);
    i64::from(!is_observed)
}
