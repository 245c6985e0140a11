//! Names that are given to what has one already: `rename(2)` and `link(2)`.
//!
//! Both ends must be writable. What the new name replaces has that name too. A directory that is moved
//! takes what is beneath it along: that must not be permitted more than before. `EXDEV` makes `mv` copy
//! instead, file by file.

use agentguard_common::{
    event::Operation,
    path::{Access, State, gains},
    scope::ScopeWord,
    verdict::Reason,
};
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::{
    REFUSED,
    check::{Request, is_permitted, report},
    look::{ATTEMPTS, PERMITTED, look, without_rule},
    mounts,
    scope::{self, Scope},
    stamp::Stamp,
    walk::{Walk, repeat},
};
use crate::{
    identity::{self, Owner},
    kernel::Dentry,
    network::scope::word,
    verifier,
};

/// `-EXDEV`.
const ELSEWHERE: i32 = -18;
/// `RENAME_EXCHANGE`.
const EXCHANGE: u32 = 1 << 1;
/// `S_IFMT` and `S_IFDIR`.
const TYPE: u16 = 0o170_000;
const DIRECTORY: u16 = 0o040_000;
/// How often the ends are looked at if names change meanwhile.
const LOOKS: u16 = 64;

#[lsm(hook = "path_link")]
pub fn path_link(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let (from, to) = (Dentry::new(ctx.arg(0)), Dentry::new(ctx.arg(2)));
    if ends(&owner, from, to, Operation::Link) {
        0
    } else {
        REFUSED
    }
}

#[lsm(hook = "path_rename")]
pub fn path_rename(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    mounts::count_rename();
    let (from, to) = (Dentry::new(ctx.arg(1)), Dentry::new(ctx.arg(3)));
    let flags: u32 = ctx.arg(4);
    if !ends(&owner, from, to, Operation::Rename) {
        return REFUSED;
    }
    let exchanges = flags & EXCHANGE != 0;
    let moves_directory = is_directory(from) || exchanges && is_directory(to);
    if !moves_directory {
        return 0;
    }
    let word = word(owner.tag.agent);
    if !word.confines_files() {
        return 0;
    }
    let found = verifier::forget(moves(word, from, to, exchanges));
    if found == PERMITTED {
        return 0;
    }
    let request = Request::new(owner, to, Access::Write.bit(), Operation::Rename);
    if report(&request, word, found) {
        0
    } else {
        ELSEWHERE
    }
}

/// Whether both ends may be written to. The first that may not is recorded.
#[inline(always)]
fn ends(owner: &Owner, from: Dentry, to: Dentry, operation: Operation) -> bool {
    let request = |at| Request::new(*owner, at, Access::Write.bit(), operation);
    is_permitted(&request(from)) && is_permitted(&request(to))
}

#[inline(always)]
fn is_directory(at: Dentry) -> bool {
    let inode = at.inode();
    !inode.is_null() && inode.mode() & TYPE == DIRECTORY
}

/// A move that is looked at, in callbacks of `bpf_loop`.
#[repr(C)]
struct Move {
    from: Dentry,
    to: Dentry,
    word: ScopeWord,
    exchanges: u16,
    /// How often they may still be looked at.
    looks: u16,
    found: u32,
}

/// Whether what is beneath the ends may be moved: as of a [look](look).
#[inline(always)]
fn moves(word: ScopeWord, from: Dentry, to: Dentry, exchanges: bool) -> u32 {
    let mut ends = Move {
        from,
        to,
        word,
        exchanges: u16::from(exchanges),
        looks: LOOKS,
        found: without_rule(Reason::Renamed) as u32,
    };
    repeat(ATTEMPTS, attempt, &mut ends);
    ends.found
}

extern "C" fn attempt(_: u64, ends: *mut Move) -> i64 {
    // SAFETY: the context of the loop.
    let ends = unsafe { &mut *ends };
    let Some(stamp) = Stamp::now(ends.word) else {
        return 0;
    };
    if ends.looks == 0 {
        return 1;
    }
    ends.looks -= 1;
    let found = verifier::forget(compare(ends));
    let Some(after) = Stamp::now(ends.word) else {
        return 0;
    };
    if !after.is(&stamp) {
        return 0;
    }
    ends.found = found;
    1
}

#[inline(always)]
fn compare(ends: &Move) -> u32 {
    let error = without_rule(Reason::Error) as u32;
    let (Some(walk), Some((table, index))) = (Walk::of_current(), scope::table(ends.word)) else {
        return error;
    };
    // Nothing is wanted of them but where they are.
    if verifier::forget(look(ends.from, 0, ends.word)) != PERMITTED {
        return error;
    }
    // SAFETY: the walk is this task's own.
    unsafe { copy(&raw const (*walk).state, &raw mut (*walk).other) };
    if verifier::forget(look(ends.to, 0, ends.word)) != PERMITTED {
        return error;
    }
    // SAFETY: as above.
    let (scope, from, to) = unsafe {
        let scope = Scope::new(table, index, &raw mut (*walk).key);
        (scope, &(*walk).other, &(*walk).state)
    };
    let gain = match (gains(&scope, from, to), gains(&scope, to, from)) {
        (Some(there), Some(back)) => there || back && ends.exchanges != 0,
        _ => return error,
    };
    if gain {
        without_rule(Reason::Gains) as u32 | (Access::Write as u32) << 16
    } else {
        PERMITTED
    }
}

/// # Safety
///
/// Both must be valid.
#[inline(always)]
unsafe fn copy(from: *const State, to: *mut State) {
    for word in 0..size_of::<State>() / 8 {
        // SAFETY: the caller's promise.
        unsafe {
            let value = from.cast::<u64>().add(word).read_volatile();
            to.cast::<u64>().add(word).write_volatile(value);
        }
    }
}
