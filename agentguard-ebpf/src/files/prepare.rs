//! Where a look begins: at the root, or at the nearest directory whose state is kept.

use agentguard_common::{
    limits::MAX_DEPTH,
    path::{Access, By, State},
    verdict::Reason,
};

use super::{
    climb::{Climb, Climbed},
    directories,
    look::{Look, first, stamp_of, without_rule},
    walk::{self, get, repeat, set},
};

/// How many directories above an object are asked for their state, and keep it: who visits a tree for the
/// first time has been near already.
pub const NEAR: u64 = 3;

/// Finds the names that are to be entered, and the state in which they are. `false` if that decides
/// already.
///
/// A function of its own, so that what follows is verified once.
#[inline(never)]
pub fn prepare(look: &mut Look) -> bool {
    let walk = look.walk;
    // SAFETY: the walk is this task's own.
    let state = unsafe { &raw mut (*walk).state };
    let parent = look.at.parent();
    let is_root = parent.pointer() == look.at.pointer();
    set!(walk, found.failed, 0);
    // Which one a refusal is about that holds for all of them.
    set!(walk, found.access, first(get!(walk, found.wanted)));
    set!(walk, found.keeps, u64::from(!is_root));
    if get!(walk, found.is_named) != 0 {
        set!(walk, found.keeps, 0);
        set!(walk, found.left, 1);
        set!(walk, found.known, 1);
        set!(walk, found.own, 0);
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
        Climbed::Internal => Some(internal(get!(walk, found.wanted) as u8)),
    };
    if let Some(by) = refused {
        set!(walk, found.by, by);
        set!(walk, found.keeps, 0);
        return false;
    }
    set!(walk, found.left, get!(walk, count));
    set!(walk, found.own, get!(walk, own));
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
    let inode = directory.inode();
    if directory.pointer() == below.pointer() || directory.folds_names(inode) {
        return 1;
    }
    // SAFETY: the walk is this task's own.
    unsafe {
        let link = walk::link(walk, passed);
        (*link).name = below.name();
        (*link).length = below.length();
        (*link).mark = below.mark();
    }
    // SAFETY: the state is this task's own.
    if unsafe { directories::recall(inode, stamp_of(walk), &raw mut (*walk).state) } {
        // Too deep is what a climb says.
        if u64::from(get!(walk, state.depth)) + passed < MAX_DEPTH {
            set!(walk, found.left, passed + 1);
            set!(walk, found.known, passed + 1);
            set!(walk, found.own, passed + 1);
        }
        return 1;
    }
    look.below = directory;
    0
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
