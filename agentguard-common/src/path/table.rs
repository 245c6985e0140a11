//! What the kernel has of a scope's path rules.

use super::{Header, glob::Classes};
use crate::limits::{MAX_COMPONENT, MAX_POSITIONS, SHORT_COMPONENT};

/// What every decision about a path needs, but for literals and the rows of the automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Table {
    /// The positions, by what they mean.
    pub header: Header,
    /// The classes of bytes.
    pub classes: Classes,
    /// Zero.
    pub reserved: [u8; 6],
    /// The number of the rule whose pattern has the position.
    pub rules: [u16; MAX_POSITIONS],
}

const _: () = assert!(size_of::<Table>() == size_of::<Header>() + 264 + 2 * MAX_POSITIONS);

/// The key of a literal: of a name of at most `N` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct LiteralKey<const N: usize> {
    /// The policy whose literal it is.
    pub version: u32,
    /// Bytes of the name.
    pub length: u32,
    /// The name, padded with zeros.
    pub name: [u8; N],
}

/// The key of most literals.
pub type ShortKey = LiteralKey<SHORT_COMPONENT>;
/// The key of a literal that is longer.
pub type LongKey = LiteralKey<{ MAX_COMPONENT + 1 }>;

const _: () = assert!(size_of::<ShortKey>() == 32 && size_of::<LongKey>() == 264);
