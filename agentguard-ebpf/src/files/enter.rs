//! From the state of a directory to that of a name in it; and what is kept of both.

use agentguard_common::path;

use super::{
    beneath::{self, Beneath},
    directories,
    look::{Look, stamp_of},
    walk::{self, Walk, get, repeat, set},
};
use crate::verifier;

/// Enters the next name, in a callback of `bpf_loop`.
pub extern "C" fn enter(_: u64, look: *mut Look) -> i64 {
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
        unsafe { directories::keep(directory.inode(), stamp_of(walk), &raw const (*walk).state) };
    }
    // SAFETY: as above; the state and the names are apart.
    let entered = unsafe {
        let link = &*walk::link(walk, left - 1);
        (*walk).state.enter(&mut (*walk).scratch, &look.scope, link)
    };
    let Some(is_entered) = entered else {
        set!(walk, found.failed, 1);
        return 1;
    };
    set!(walk, found.left, left - 1);
    if is_entered {
        note_step(walk, left);
    }
    0
}

/// Notes how high what was found is true.
#[inline(never)]
fn note_step(walk: *mut Walk, left: u64) {
    let is_named = get!(walk, scratch.is_named);
    let is_steady = u64::from(get!(walk, state.is_steady));
    // If nothing accepts the name, it is true also of the directory that it is in, but for the marks of what could be accepted.
    set!(walk, found.steady, (left - is_named) * is_steady);
    let marks = get!(walk, scratch.marks) & is_named.wrapping_sub(1);
    set!(walk, found.sought, marks | get!(walk, state.sought));
}

/// What is permitted in the state that was found.
#[inline(never)]
pub fn permits(look: &Look) -> u32 {
    // SAFETY: the walk is this task's own.
    let state = unsafe { &(*look.walk).state };
    path::permitted(&look.scope, state).map_or(0, u32::from)
}

/// Keeps what was found of all that lies in the object's directory, and in the highest above it of which the same is true.
#[inline(never)]
pub fn note_beneath(look: &mut Look, permitted: u8) {
    let walk = look.walk;
    // What is above is none of the superblock's directories.
    let highest = get!(walk, found.steady).min(get!(walk, found.own)) as u32;
    if highest == 0 || permitted == 0 {
        return;
    }
    let depth = get!(walk, state.depth);
    let mut beneath = Beneath {
        permitted,
        depth: depth - highest,
        sought: get!(walk, found.sought),
    };
    look.below = look.at;
    repeat(highest, rise, look);
    beneath::keep(look.below.inode(), stamp_of(walk), &beneath);
    if highest > 1 {
        beneath.depth = depth - 1;
        beneath.sought = get!(walk, state.sought);
        beneath::keep(look.at.parent().inode(), stamp_of(walk), &beneath);
    }
}

extern "C" fn rise(_: u64, look: *mut Look) -> i64 {
    // SAFETY: the context of the loop.
    let look = unsafe { &mut *look };
    look.below = look.below.parent();
    0
}
