//! The names on a path, and what is found out about it: the room that a task has for a look.

use agentguard_common::{
    limits::MAX_DEPTH,
    mounts::PartKey,
    path::{LongKey, Scratch, State, mark},
};
use aya_ebpf::{cty::c_void, helpers::generated::bpf_loop, macros::btf_map};

use super::stamp::Stamp;
use crate::{kernel::Task, task_storage::TaskStorage, verifier};

/// A name on a path: where it is, and its bytes. Most are never read.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Link {
    /// Its address in the kernel.
    pub name: u64,
    /// How many bytes it has.
    pub length: u32,
    /// The number of its [mark].
    pub mark: u32,
}

/// What a task needs to look at a path, for as long as it lives: it is too much for the stack, and what
/// belongs to a CPU can be taken by another task in the middle.
#[repr(C)]
pub struct Walk {
    /// The names, from the object up.
    pub links: [Link; MAX_DEPTH as usize],
    /// How far the path has come through the patterns.
    pub state: State,
    /// As of what it is compared with.
    pub other: State,
    /// Where the decision writes down what it needs for a name.
    pub scratch: Scratch,
    /// A name that is looked up.
    pub key: LongKey,
    /// A name that is looked up on the way to what is mounted by itself.
    pub part: PartKey,
    /// How many names there are.
    pub count: u64,
    /// How many of them are within the superblock, or the part of it that is mounted by itself.
    pub own: u64,
    /// Bytes of the names, with a slash each.
    pub bytes: u64,
    /// Bytes of the text that are written into a record.
    pub written: u64,
    /// Where a superblock is mounted.
    pub node: u64,
    /// Whether the climb is at the end of a superblock.
    pub done: u64,
    /// 1 if a directory on the way [takes names that differ for the same](Dentry::folds_names).
    pub folded: u64,
    /// What a look at the object has found.
    pub found: Found,
}

/// What a look at an object has found. It is here, and not on the stack, so that the verifier knows
/// nothing of it, and follows a loop once and not once for each answer.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Found {
    /// [Bits](agentguard_common::path::Access::bit) of the accesses.
    pub wanted: u64,
    /// When it was looked at.
    pub stamp: Stamp,
    /// 1 if the object has no place among files, and its name is in the walk.
    pub is_named: u64,
    /// Names that are still to be entered.
    pub left: u64,
    /// Which directory above the object is the nearest whose state need not be kept: 1 is the one that it is in.
    pub known: u64,
    /// The accesses that are not judged yet.
    pub unjudged: u64,
    /// 1 if what is found may be kept.
    pub keeps: u64,
    /// How many names are beneath the highest directory of which it is known that what is found is true of all that lies in it
    /// and has none of the marks `sought` on its way; 0 if there is none.
    pub steady: u64,
    /// [Marks](agentguard_common::path::State::sought).
    pub sought: u64,
    /// How many of the directories above the object are its superblock's, or its part's.
    pub own: u64,
    /// Not 0 if something failed.
    pub failed: u64,
    /// How often it may still be looked at.
    pub looks: u64,
    /// Not 0 once nothing was renamed meanwhile.
    pub settled: u64,
    /// The access that the verdict is about.
    pub access: u64,
    /// `By` as a number; what is beyond those is the `Reason` plus 16 of a refusal without a rule.
    pub by: u64,
}

/// Reads a word of what the verifier shall know nothing about.
macro_rules! get {
    ($walk:expr, $($field:ident).+) => {
        // SAFETY: the walk is this task's own.
        unsafe { core::ptr::read_volatile(&raw const (*$walk).$($field).+) }
    };
}

/// Writes one.
macro_rules! set {
    ($walk:expr, $($field:ident).+, $value:expr) => {{
        let value = $value;
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile(&raw mut (*$walk).$($field).+, value) }
    }};
}
pub(crate) use {get, set};

#[btf_map]
static WALKS: TaskStorage<Walk> = TaskStorage::NEW;

impl Walk {
    /// The running task's own, made if there is none. `None` if there is no memory.
    #[inline(always)]
    pub fn of_current() -> Option<*mut Self> {
        WALKS.get_or_make(Task::current())
    }
}

impl Walk {
    /// Makes a name of the task's own the only one: `write` writes it, and says how many bytes it has.
    /// `false` if there is none.
    #[inline(always)]
    pub fn name(walk: *mut Self, write: impl FnOnce(*mut u8) -> Option<u32>) -> bool {
        // SAFETY: the walk is this task's own.
        let bytes: *mut u8 = unsafe { (&raw mut (*walk).part.name).cast() };
        let Some(length) = write(bytes) else {
            return false;
        };
        // SAFETY: as above.
        unsafe {
            // What a longer name left there.
            bytes
                .add(verifier::forget(length) as usize & 0xff)
                .write_volatile(0);
            let link = link(walk, 0);
            (*link).name = bytes as u64;
            (*link).length = length;
            (*link).mark = mark::number(length, bytes.cast::<u16>().read_volatile());
        }
        set!(walk, count, 1);
        set!(walk, bytes, u64::from(length));
        true
    }
}

/// A name of a path.
///
/// # Safety
///
/// `walk` must be valid.
#[inline(always)]
pub unsafe fn link(walk: *mut Walk, index: u64) -> *mut Link {
    // SAFETY: the caller's promise; the index is below the length.
    unsafe {
        (&raw mut (*walk).links)
            .cast::<Link>()
            .add(index as usize & (MAX_DEPTH as usize - 1))
    }
}

/// Calls `step` up to `times` times, until it returns 1.
#[inline(always)]
pub fn repeat<C>(times: u32, step: extern "C" fn(u64, *mut C) -> i64, context: &mut C) {
    // SAFETY: the callback takes what it is given (Linux 5.17).
    unsafe {
        bpf_loop(
            times,
            step as *mut c_void,
            core::ptr::from_mut(context).cast(),
            0,
        );
    }
}
