//! The decision's view of a scope's path rules.

use agentguard_common::{
    limits::{MAX_PATH_TABLES, MAX_POSITIONS},
    path::{
        self, Header, LongKey, Positions, Table,
        glob::{self, Classes, Next},
    },
    scope::{Header as ScopeHeader, ScopeWord},
};
use aya_ebpf::{
    bindings::BPF_F_INNER_MAP,
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};

use super::{
    literals,
    walk::{Link, repeat},
};
use crate::{maps::BANKS, verifier};

/// A table of one scope.
type One = Array<Table, 1, { BPF_F_INNER_MAP as usize }>;
/// The next states of an automaton for globs.
type Rows = Array<Next, 1, { BPF_F_INNER_MAP as usize }>;
/// The positions that the states of an automaton accept.
type Ends = Array<Positions, 1, { BPF_F_INNER_MAP as usize }>;

/// The tables of all scopes.
#[btf_map]
static PATH_TABLES: ArrayOfMaps<One, { MAX_PATH_TABLES as usize }> = ArrayOfMaps::new();

/// As of the tables.
#[btf_map]
static GLOB_ROWS: ArrayOfMaps<Rows, { MAX_PATH_TABLES as usize }> = ArrayOfMaps::new();

/// As of the tables.
#[btf_map]
static GLOB_ENDS: ArrayOfMaps<Ends, { MAX_PATH_TABLES as usize }> = ArrayOfMaps::new();

// For the daemon to make others like, as `BANK` is.

#[btf_map]
static PATH_TABLE: One = One::new();

#[btf_map]
static GLOB_ROW: Rows = Rows::new();

#[btf_map]
static GLOB_END: Ends = Ends::new();

/// The path rules of a scope.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Scope {
    /// What is not looked up by a name.
    pub table: &'static Table,
    /// Where names are read to.
    key: *mut LongKey,
    /// Its index.
    index: u64,
}

impl Scope {
    /// With names read to `key`.
    #[inline(always)]
    pub fn new(table: &'static Table, index: u32, key: *mut LongKey) -> Self {
        Self {
            table,
            key,
            index: u64::from(index),
        }
    }
}

/// The table of a scope, and its index.
#[inline(always)]
pub fn table(word: ScopeWord) -> Option<(&'static Table, u32)> {
    let bank = BANKS.get(word.bank())?;
    let header = ScopeHeader::unpack(bank.get(word.row())?.key);
    let index = u32::from(header.paths).checked_sub(1)?;
    let table = PATH_TABLES.get(index)?.get(0)?;
    // The word names rows, and the rows a table, that may have become another's.
    (header.version == word.version() && table.header.version == word.version())
        .then_some((table, index))
}

impl path::Tables for Scope {
    type Name = Link;

    #[inline(always)]
    fn header(&self) -> Option<&Header> {
        Some(&self.table.header)
    }

    #[inline(always)]
    fn words(&self) -> usize {
        // SAFETY: the reference is valid. The read is volatile so that each is one of its own.
        unsafe { core::ptr::read_volatile(&raw const self.table.header.words) as usize }
    }

    #[inline(always)]
    fn length(&self, name: &Link) -> usize {
        name.length as usize
    }

    #[inline(always)]
    fn mark(&self, name: &Link) -> u32 {
        name.mark & 63
    }

    #[inline(always)]
    fn bytes<'a>(&'a self, name: &'a Link) -> Option<&'a [u8]> {
        let length = name.length;
        // SAFETY: the key is this task's own.
        unsafe {
            literals::read(self.key, self.table.header.version, name.name, length)?;
            Some(core::slice::from_raw_parts(
                (&raw const (*self.key).name).cast(),
                length as usize & 0xff,
            ))
        }
    }

    #[inline(always)]
    fn literal(&self, _: &[u8]) -> Option<&Positions> {
        // SAFETY: the name was read into the key.
        unsafe { literals::find(self.key) }
    }

    #[inline(always)]
    fn rule(&self, position: u16) -> Option<u16> {
        // The verifier of Linux 6.1 does not see that a comparison bounds the index, and the compiler
        // must not see that the mask does nothing.
        let index = verifier::forget(u32::from(position)) as usize & (MAX_POSITIONS - 1);
        // SAFETY: the index is below the length.
        let rule = unsafe { *self.table.rules.as_ptr().add(index) };
        (position < MAX_POSITIONS as u16).then_some(rule)
    }
}

impl glob::Tables for Scope {
    #[inline(always)]
    fn classes(&self) -> Option<&Classes> {
        Some(&self.table.classes)
    }

    #[inline(always)]
    fn next(&self, index: u32) -> Option<u16> {
        Some(GLOB_ROWS.get(self.index as u32)?.get(index)?.state as u16)
    }

    #[inline(always)]
    fn run(&self, name: &[u8]) -> Option<u16> {
        u16::try_from(run(self, name.len() as u32)).ok()
    }

    #[inline(always)]
    fn accepted(&self, state: u16) -> Option<&Positions> {
        GLOB_ENDS.get(self.index as u32)?.get(u32::from(state))
    }
}

/// A name on its way through the automaton.
#[repr(C)]
struct Run<'a> {
    rows: &'a Rows,
    classes: &'a Classes,
    name: *const u8,
    /// More than any if there is none.
    state: u64,
}

/// The state in which the name ends that was read, or more than any if it cannot be had.
///
/// In callbacks: the verifier would follow each of the bytes. A function of its own for its part of the stack.
#[inline(never)]
fn run(scope: &Scope, length: u32) -> u32 {
    let Some(rows) = GLOB_ROWS.get(scope.index as u32) else {
        return u32::MAX;
    };
    let mut run = Run {
        rows,
        classes: &scope.table.classes,
        // SAFETY: the key is this task's own.
        name: unsafe { (&raw const (*scope.key).name).cast() },
        state: u64::from(glob::START),
    };
    repeat(length, run_byte, &mut run);
    run.state as u32
}

extern "C" fn run_byte(at: u64, run: *mut Run<'_>) -> i64 {
    // SAFETY: the context of the loop.
    let run = unsafe { &mut *run };
    // SAFETY: a name has at most 255 bytes, and room for 256.
    let byte = unsafe { *run.name.add(at as usize & 0xff) };
    let next = |index| run.rows.get(index).map(|next| next.state as u16);
    let Some(state) = glob::step(run.classes, run.state as u16, byte, next) else {
        run.state = u64::MAX;
        return 1;
    };
    run.state = u64::from(state);
    i64::from(state == glob::DEAD)
}
