//! From an object to the host's root, name by name.

use agentguard_common::{
    limits::MAX_DEPTH,
    mounts::{FLAG_PARTS, FLAG_PROC, NOWHERE, PartKey},
    path::{LongKey, Positions, State},
};
use aya_ebpf::{
    cty::c_void,
    helpers::generated::{bpf_loop, bpf_probe_read_kernel},
    macros::btf_map,
};

use super::mounts;
use crate::{
    kernel::{Dentry, Superblock, Task},
    task_storage::TaskStorage,
    verifier,
};

/// A name on a path: where it is, and its bytes. Most are never read.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Link {
    /// Its address in the kernel.
    pub name: u64,
    /// How many bytes it has.
    pub length: u64,
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
    /// Where the decision adds up what accepts a name.
    pub accepting: Positions,
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
            let link = link(walk, 0);
            (*link).name = bytes as u64;
            (*link).length = u64::from(length);
        }
        set!(walk, count, 1);
        set!(walk, bytes, u64::from(length));
        true
    }
}

/// What became of a climb.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Climbed {
    /// The root was reached.
    Up,
    /// The path has more names than a path may have.
    TooDeep,
    /// The host has not mounted it.
    NotMounted,
    /// What a name is depends on who has looked it up first.
    Folded,
    /// The kernel's own: it has no path.
    Internal,
}

/// Whether a climb is at its end: at a root.
const NOT_YET: u64 = 0;
const ROOT: u64 = 1;

/// A climb, in callbacks of `bpf_loop`.
#[repr(C)]
pub struct Climb {
    at: Dentry,
    /// Where the names are.
    pub walk: *mut Walk,
    flags: u32,
}

impl Climb {
    /// From an object to the root, its names into `walk`.
    #[inline(always)]
    pub fn from(at: Dentry, walk: *mut Walk) -> (Self, Climbed) {
        let superblock = at.superblock();
        let device = superblock.device();
        // Device numbers are used again, and who mounts in a user namespace of his own has them too.
        let place = mounts::superblock(device)
            .filter(|place| superblock.is_the_hosts() && superblock.kind() == place.kind);
        set!(walk, count, 0);
        set!(walk, bytes, 0);
        set!(walk, done, NOT_YET);
        set!(walk, folded, 0);
        set!(
            walk,
            node,
            u64::from(place.map_or(NOWHERE, |place| place.node))
        );
        let mut climb = Self {
            at,
            walk,
            flags: verifier::forget(place.map_or(0, |place| place.flags)),
        };
        repeat(MAX_DEPTH as u32 + 1, up, &mut climb);
        if climb.flags & FLAG_PARTS != 0 {
            set!(walk, part.device, device);
            set!(walk, part.at, 0);
            repeat(MAX_DEPTH as u32, down_parts, &mut climb);
        }
        set!(walk, own, get!(walk, count));
        let outcome = climb.go_on(superblock, place.is_some());
        (climb, outcome)
    }

    /// From the root of the superblock, or of a part of it, to that of the host.
    #[inline(always)]
    fn go_on(&mut self, superblock: Superblock, is_known: bool) -> Climbed {
        let walk = self.walk;
        if get!(walk, done) == NOT_YET {
            return Climbed::TooDeep;
        }
        if !is_known && superblock.is_internal() {
            return Climbed::Internal;
        }
        if get!(walk, folded) != 0 {
            return Climbed::Folded;
        }
        // A tree can also hang on nothing: one that the file system could not place.
        let is_whole = self.at.pointer() == superblock.root().pointer();
        if !is_whole || get!(walk, node) == u64::from(NOWHERE) {
            return Climbed::NotMounted;
        }
        if self.flags & FLAG_PROC != 0 {
            self.name_self();
        }
        set!(walk, done, NOT_YET);
        repeat(MAX_DEPTH as u32 + 1, up_mounts, self);
        if get!(walk, done) == NOT_YET {
            Climbed::TooDeep
        } else {
            Climbed::Up
        }
    }

    /// Whether what is found is the same for every process.
    #[inline(always)]
    pub fn is_same_for_all(&self) -> bool {
        self.flags & FLAG_PROC == 0
    }

    /// Adds a name. `false` if there are too many.
    #[inline(always)]
    fn add(&mut self, name: u64, length: u64) -> bool {
        let walk = self.walk;
        let count = get!(walk, count);
        if count >= MAX_DEPTH {
            return false;
        }
        // SAFETY: the walk is this task's own.
        unsafe {
            let link = link(walk, count);
            (*link).name = name;
            (*link).length = length;
        }
        set!(walk, count, count + 1);
        set!(walk, bytes, get!(walk, bytes) + length + 1);
        true
    }

    /// Calls the directory of the running process `self`, as procfs does.
    #[inline(always)]
    fn name_self(&mut self) {
        static SELF: [u8; 4] = *b"self";
        let walk = self.walk;
        let Some(last) = get!(walk, count).checked_sub(1) else {
            return;
        };
        // SAFETY: the walk is this task's own.
        let link = unsafe { link(walk, last) };
        // SAFETY: as above.
        let length = unsafe { (*link).length } as u32;
        if length > 7 {
            return;
        }
        let mut name = [0_u8; 8];
        // SAFETY: the name has that size; the helper checks the source.
        let failed = unsafe {
            bpf_probe_read_kernel(
                name.as_mut_ptr().cast(),
                length & 7,
                core::ptr::without_provenance((*link).name as usize),
            )
        };
        let mut number = 0_u32;
        for byte in name {
            if byte == 0 {
                break;
            }
            if !byte.is_ascii_digit() {
                return;
            }
            number = number * 10 + u32::from(byte - b'0');
        }
        if failed != 0 || verifier::forget(number) != Task::current().pid() {
            return;
        }
        // SAFETY: as above.
        unsafe {
            (*link).name = (&raw const SELF) as u64;
            (*link).length = SELF.len() as u64;
        }
        let bytes = get!(walk, bytes) - u64::from(length) + SELF.len() as u64;
        set!(walk, bytes, bytes);
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
