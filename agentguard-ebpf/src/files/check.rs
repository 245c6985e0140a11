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

extern "C" fn attempt(number: u64, look: *mut Look) -> i64 {
    // SAFETY: the context of the loop.
    let look = unsafe { &mut *look };
    if number > 0 || look.stamp.is_never() {
        let Some(stamp) = Stamp::now(look.word) else {
            return 0;
        };
        look.stamp = stamp;
    }
    let walk = look.walk;
    let left = get!(walk, found.looks);
    if left == 0 {
        return 1;
    }
    set!(walk, found.looks, left - 1);
    once(look);
    let Some(after) = Stamp::now(look.word) else {
        return 0;
    };
    if !after.is(&look.stamp) {
        return 0;
    }
    set!(walk, found.settled, 1);
    let is_permitted = get!(walk, found.by) == u64::from(By::Allow.number());
    if is_permitted && get!(walk, found.keeps) != 0 {
        let inode = look.at.inode();
        if !inode.is_null() {
            permitted::remember(inode, look.at, &look.stamp, look.wanted as u8);
        }
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
    repeat(MAX_DEPTH as u32, enter, look);
    if get!(walk, found.failed) != 0 {
        set!(walk, found.by, without_rule(Reason::Error));
        set!(walk, found.keeps, 0);
        return;
    }
    set!(walk, found.unjudged, look.wanted);
    repeat(Access::ALL.len() as u32, judge, look);
}

/// Finds the names that are to be entered, and the state in which they are. `false` if that decides
/// already.
///
/// A function of its own, so that what follows is verified once.
#[inline(never)]
fn prepare(look: &mut Look) -> bool {
    let walk = look.walk;
    // SAFETY: the walk is this task's own.
    let state = unsafe { &raw mut (*walk).state };
    let parent = look.at.parent();
    let is_root = parent.pointer() == look.at.pointer();
    set!(walk, found.failed, 0);
    // Which one a refusal is about that holds for all of them.
    set!(walk, found.access, first(look.wanted));
    set!(walk, found.keeps, u64::from(!is_root));
    if get!(walk, found.is_named) != 0 {
        set!(walk, found.keeps, 0);
        set!(walk, found.left, 1);
        set!(walk, found.known, 1);
        begin(look, state);
        return true;
    }
    set!(walk, found.left, 0);
    set!(walk, found.known, 0);
    look.below = look.at;
    repeat(NEAR as u32, approach, look);
    if get!(walk, found.known) != 0 {
        return true;
    }
    let (climb, climbed) = Climb::from(look.at, walk);
    let refused = match climbed {
        Climbed::Up => None,
        Climbed::TooDeep => Some(without_rule(Reason::TooDeep)),
        Climbed::NotMounted => Some(without_rule(Reason::NotMounted)),
        Climbed::Folded => Some(without_rule(Reason::Folded)),
        Climbed::Internal => Some(internal(look.wanted as u8)),
    };
    if let Some(by) = refused {
        set!(walk, found.by, by);
        set!(walk, found.keeps, 0);
        return false;
    }
    set!(walk, found.left, get!(walk, count));
    // What is above the superblock's root, or above a part that is mounted by itself, is none of its directories.
    set!(walk, found.known, get!(walk, own).min(NEAR) + 1);
    if !climb.is_same_for_all() {
        set!(walk, found.keeps, 0);
    }
    begin(look, state);
    true
}

/// The state at the root.
#[inline(always)]
fn begin(look: &Look, state: *mut State) {
    // SAFETY: the state is valid.
    if unsafe { (*state).begin(&look.scope) }.is_none() {
        set!(look.walk, found.failed, 1);
    }
}

/// Looks for the state of the next directory above, and notes the names up to it.
///
/// A directory whose state is kept has a path on the host, and no part of a superblock that is mounted by
/// itself lies within another: so what is beneath has its path with that.
extern "C" fn approach(passed: u64, look: *mut Look) -> i64 {
    // SAFETY: the context of the loop.
    let look = unsafe { &mut *look };
    let (walk, below) = (look.walk, look.below);
    let directory = below.parent();
    if directory.pointer() == below.pointer() || directory.inode().ignores_case() {
        return 1;
    }
    // SAFETY: the walk is this task's own.
    unsafe {
        let link = walk::link(walk, passed);
        (*link).name = below.name();
        (*link).length = u64::from(below.length());
    }
    // SAFETY: the state is this task's own.
    if unsafe { directories::recall(directory.inode(), &look.stamp, &raw mut (*walk).state) } {
        set!(walk, found.left, passed + 1);
        set!(walk, found.known, passed + 1);
        return 1;
    }
    look.below = directory;
    0
}

/// The first of some accesses.
#[inline(always)]
fn first(wanted: u64) -> u64 {
    let others = [Access::Write, Access::Exec, Access::Connect];
    let below = |access: &Access| wanted & (u64::from(access.bit()) - 1) == 0;
    others
        .iter()
        .filter(|access| wanted != 0 && below(access))
        .count() as u64
}

/// What the kernel keeps to itself (pipes, for one) may be read and written by who can name it.
#[inline(always)]
fn internal(wanted: u8) -> u64 {
    if wanted & !(Access::Read.bit() | Access::Write.bit()) == 0 {
        u64::from(By::Allow.number())
    } else {
        without_rule(Reason::NotMounted)
    }
}

extern "C" fn enter(_: u64, look: *mut Look) -> i64 {
    // SAFETY: the context of the loop.
    let look = unsafe { &mut *look };
    let walk = look.walk;
    let left = get!(walk, found.left);
    if left == 0 || get!(walk, found.failed) != 0 {
        return 1;
    }
    // The state is now that of the directory above `left` names.
    if get!(walk, found.keeps) != 0 && left < get!(walk, found.known) {
        let mut directory = look.at.parent();
        // Of a number of its own: what is found out about it makes no difference to what follows.
        let above = verifier::forget(left as u32);
        if above > 1 {
            directory = directory.parent();
        }
        if above > 2 {
            directory = directory.parent();
        }
        // SAFETY: the walk is this task's own.
        unsafe { directories::keep(directory.inode(), &look.stamp, &raw const (*walk).state) };
    }
    // SAFETY: as above; the state and the names are apart.
    let entered = unsafe {
        let link = &*walk::link(walk, left - 1);
        (*walk)
            .state
            .enter(&mut (*walk).accepting, &look.scope, link)
    };
    if entered.is_none() {
        set!(walk, found.failed, 1);
        return 1;
    }
    set!(walk, found.left, left - 1);
    0
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
