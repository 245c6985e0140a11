//! A compiled scope: how the rules of one agent lie in a table of rows.
//!
//! Addresses and (protocol, port) pairs are points on two axes. The prefixes and ranges of a scope
//! cut each axis into intervals, and within one interval the same rules match. A *section* is the
//! list of intervals of an axis in ascending order, one [`Row`] each: where the interval begins,
//! and the rules that match in it. A look-up is a binary search; port ranges cost nothing extra. A
//! rule by name is in no row of the address section: which addresses it speaks of is
//! [learned](crate::names::Learned).
//!
//! ```text
//! row  0            deny rules      key = header
//! row  1            allow rules
//! row  2            listen rules
//! row  3            observed rules
//! row  4            rules by name that TLS on port 443 must confirm    key = names
//! row  5            rules by name that TLS must confirm on every port
//! row  6 …          addresses
//! row  6 + n …      (protocol, port)
//! ```
//!
//! Scopes lie one behind another in a *bank*, which is never changed once an agent points to it. An
//! agent's [`ScopeWord`] says where its scope begins; replacing that word, eight bytes, replaces
//! the scope.

use crate::{address::Address, process::ProcessFlags, rules::RuleSet};

/// Rows before the first section.
pub const HEADER_ROWS: u32 = 6;

/// Row of the rules that refuse, and of the [`Header`].
pub const DENY_ROW: u32 = 0;
/// Row of the rules that permit a destination.
pub const ALLOW_ROW: u32 = 1;
/// Row of the rules that permit a local address to be listened on.
pub const LISTEN_ROW: u32 = 2;
/// Row of the rules that are observed, not enforced.
pub const OBSERVE_ROW: u32 = 3;
/// Row of the rules by name that permit TCP to port 443 only if TLS is told a name of theirs, and of
/// the [`NamesHeader`].
pub const HTTPS_ROW: u32 = 4;
/// Row of those of which that holds for TCP to every port.
pub const TLS_ROW: u32 = 5;

/// One row of a bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Row {
    /// Where the interval begins. In the port section `hi` is 0 and `lo` a
    /// [port key](crate::protocol::port_key); in row 0 the pair is a [`Header`].
    pub key: Address,
    /// The rules that match in the interval.
    pub rules: RuleSet,
}

const _: () = assert!(size_of::<Row>() == 48);

/// The agent is in observe mode: nothing is refused.
pub const FLAG_OBSERVE: u16 = 1 << 0;
/// Some rules are observed.
pub const FLAG_OBSERVED_RULES: u16 = 1 << 1;
/// A rule allows ICMP, so that sockets for it may be made.
pub const FLAG_ICMP: u16 = 1 << 2;
/// There are rules by name: questions to name servers go to the daemon, and what it learns counts.
pub const FLAG_NAMES: u16 = 1 << 3;
/// The path rules are about Unix sockets alone: files, programs and processes are not confined.
pub const FLAG_SOCKETS: u16 = 1 << 4;

/// What row 0 of a scope says, apart from its rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The number of this policy: it grows with every scope that is loaded.
    pub version: u32,
    /// Rows in the address section.
    pub addresses: u16,
    /// Rows in the port section.
    pub ports: u16,
    /// `FLAG_…` bits.
    pub flags: u16,
    /// The table of its path rules plus one; 0 if neither files nor sockets are confined.
    pub paths: u16,
    /// What is permitted with processes and namespaces.
    pub process: ProcessFlags,
}

impl Header {
    /// As the key of row 0.
    pub const fn pack(self) -> Address {
        Address {
            hi: self.version as u64 | (self.process.0 as u64) << 32,
            lo: self.addresses as u64
                | (self.ports as u64) << 16
                | (self.flags as u64) << 32
                | (self.paths as u64) << 48,
        }
    }

    /// From the key of row 0.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each field is cut out of its word"
    )]
    pub const fn unpack(key: Address) -> Self {
        Self {
            version: key.hi as u32,
            addresses: key.lo as u16,
            ports: (key.lo >> 16) as u16,
            flags: (key.lo >> 32) as u16,
            paths: (key.lo >> 48) as u16,
            process: ProcessFlags((key.hi >> 32) as u16),
        }
    }
}

/// What the row of [`HTTPS_ROW`] says, apart from its rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamesHeader {
    /// The table of what was learned plus one; 0 if there is none.
    pub table: u32,
}

impl NamesHeader {
    /// As the key of the row.
    pub const fn pack(self) -> Address {
        Address {
            hi: 0,
            lo: self.table as u64,
        }
    }

    /// From the key of the row.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field is cut out")]
    pub const fn unpack(key: Address) -> Self {
        Self {
            table: key.lo as u32,
        }
    }
}

/// Which compiled scope an agent has: one word, so that it is replaced at once.
///
/// `version` in the upper 32 bits, then 12 bits of bank, one bit that says whether files are confined, one that
/// says it of Unix sockets, and 18 bits of row. Zero is no scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct ScopeWord(pub u64);

impl ScopeWord {
    /// The word of an agent that has no scope. Everything it tries is refused.
    pub const NONE: Self = Self(0);

    const CONFINES_FILES: u64 = 1 << 19;
    const CONFINES_SOCKETS: u64 = 1 << 18;

    /// A word. `bank` and `row` must be below [`MAX_BANKS`](crate::limits::MAX_BANKS) and
    /// [`MAX_BANK_ROWS`](crate::limits::MAX_BANK_ROWS).
    pub const fn new(version: u32, bank: u32, row: u32) -> Self {
        Self((version as u64) << 32 | ((bank & 0xfff) as u64) << 20 | (row & 0x3_ffff) as u64)
    }

    /// The word of a scope whose path rules are about files and sockets.
    #[must_use]
    pub const fn confining_files(self) -> Self {
        Self(self.0 | Self::CONFINES_FILES | Self::CONFINES_SOCKETS)
    }

    /// The word of a scope whose path rules are about Unix sockets alone.
    #[must_use]
    pub const fn confining_sockets(self) -> Self {
        Self(self.0 | Self::CONFINES_SOCKETS)
    }

    /// Whether the scope has path rules about files: without, they are not confined.
    #[inline(always)]
    pub const fn confines_files(self) -> bool {
        self.0 & Self::CONFINES_FILES != 0
    }

    /// Whether the scope has path rules about Unix sockets: without, they are not confined.
    #[inline(always)]
    pub const fn confines_sockets(self) -> bool {
        self.0 & Self::CONFINES_SOCKETS != 0
    }

    /// The policy's version.
    #[inline(always)]
    pub const fn version(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The bank.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field is cut out")]
    pub const fn bank(self) -> u32 {
        (self.0 >> 20) as u32 & 0xfff
    }

    /// The row of the header in the bank.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field is cut out")]
    pub const fn row(self) -> u32 {
        self.0 as u32 & 0x3_ffff
    }
}

const _: () = {
    assert!(crate::limits::MAX_BANKS <= 1 << 12);
    assert!(crate::limits::MAX_BANK_ROWS <= 1 << 18);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_packing() {
        let header = Header {
            version: u32::MAX,
            addresses: 515,
            ports: 2047,
            flags: FLAG_ICMP | FLAG_OBSERVE,
            paths: 4096,
            process: ProcessFlags(u16::MAX),
        };
        assert_eq!(Header::unpack(header.pack()), header);
    }

    #[test]
    fn names_survive_packing() {
        for table in [0, 1, 4096, u32::MAX] {
            let names = NamesHeader { table };
            assert_eq!(NamesHeader::unpack(names.pack()), names);
        }
    }

    #[test]
    fn words_survive_packing() {
        let last = u32::MAX;
        let word = ScopeWord::new(last, 4095, (1 << 18) - 1);
        for (word, files, sockets) in [
            (word, false, false),
            (word.confining_files(), true, true),
            (word.confining_sockets(), false, true),
        ] {
            assert_eq!(
                (word.version(), word.bank(), word.row()),
                (last, 4095, (1 << 18) - 1)
            );
            assert_eq!(word.confines_files(), files);
            assert_eq!(word.confines_sockets(), sockets);
        }
        assert_eq!(ScopeWord::new(7, 1, 2).bank(), 1);
        assert_ne!(ScopeWord::new(1, 0, 0), ScopeWord::NONE);
    }
}
