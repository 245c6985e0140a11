//! From an object to the host's root, name by name.

use agentguard_common::{
    limits::MAX_DEPTH,
    mounts::{FLAG_PARTS, FLAG_PROC, NOWHERE},
    path::mark,
};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use super::{
    mounts,
    walk::{Walk, get, link, repeat, set},
};
use crate::{
    kernel::{Dentry, Superblock, Task},
    verifier,
};

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
        } else if get!(walk, folded) != 0 {
            Climbed::Folded
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
    fn add(&mut self, name: u64, length: u32, mark: u32) -> bool {
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
            (*link).mark = mark;
        }
        set!(walk, count, count + 1);
        set!(walk, bytes, get!(walk, bytes) + u64::from(length) + 1);
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
        let length = unsafe { (*link).length };
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
            (*link).length = SELF.len() as u32;
            (*link).mark = mark::number(SELF.len() as u32, u16::from_ne_bytes([SELF[0], SELF[1]]));
        }
        let bytes = get!(walk, bytes) - u64::from(length) + SELF.len() as u64;
        set!(walk, bytes, bytes);
    }
}

extern "C" fn up(_: u64, climb: *mut Climb) -> i64 {
    // SAFETY: the context of the loop.
    let climb = unsafe { &mut *climb };
    let at = climb.at;
    let parent = at.parent();
    if parent.pointer() == at.pointer() {
        set!(climb.walk, done, ROOT);
        return 1;
    }
    if !climb.add(at.name(), at.length(), at.mark()) {
        return 1;
    }
    if parent.folds_names(parent.inode()) {
        set!(climb.walk, folded, 1);
    }
    climb.at = parent;
    0
}

/// From the root of a superblock towards the object, to what is mounted by itself: takes the names on
/// that way away, and notes where it is mounted.
extern "C" fn down_parts(_: u64, climb: *mut Climb) -> i64 {
    // SAFETY: the context of the loop.
    let walk = unsafe { (*climb).walk };
    let Some(last) = get!(walk, count).checked_sub(1) else {
        return 1;
    };
    // SAFETY: the walk is this task's own; the helper checks the source, and writes less than the
    // name has room for.
    let (length, part) = unsafe {
        let link = link(walk, last);
        let length = (*link).length;
        let words = (&raw mut (*walk).part.name).cast::<u64>();
        for word in 0..256 / 8 {
            words.add(word).write_volatile(0);
        }
        let failed = bpf_probe_read_kernel(
            words.cast(),
            length & 0xff,
            core::ptr::without_provenance((*link).name as usize),
        );
        if failed != 0 {
            return 1;
        }
        (length, mounts::part(&raw const (*walk).part))
    };
    let Some(part) = part else {
        return 1;
    };
    set!(walk, count, last);
    set!(walk, bytes, get!(walk, bytes) - u64::from(length) - 1);
    set!(walk, part.at, part.next);
    if part.next == 0 {
        set!(walk, node, u64::from(part.node));
        return 1;
    }
    0
}

extern "C" fn up_mounts(_: u64, climb: *mut Climb) -> i64 {
    // SAFETY: the context of the loop.
    let climb = unsafe { &mut *climb };
    let Some(node) = mounts::node(get!(climb.walk, node) as u32) else {
        return 1;
    };
    if node.length == 0 {
        set!(climb.walk, done, ROOT);
        return 1;
    }
    let beginning = u16::from_ne_bytes([node.name[0], node.name[1]]);
    let mark = mark::number(node.length, beginning);
    if !climb.add((&raw const node.name) as u64, node.length, mark) {
        return 1;
    }
    set!(climb.walk, node, u64::from(node.parent));
    0
}
