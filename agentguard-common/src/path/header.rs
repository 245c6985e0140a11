//! What a scope says about its patterns.

use super::{Positions, WORDS};

/// Groups of positions in a word.
pub const GROUPS: usize = 4;

/// The bits of a group in a word.
#[inline(always)]
pub(super) const fn group_of(group: usize) -> u64 {
    ((1 << (64 / GROUPS)) - 1) << ((group & (GROUPS - 1)) * (64 / GROUPS))
}

/// The [marks](super::mark) of one group of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Marks(pub [u64; WORDS]);

/// What is done with a file. The discriminants are ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Access {
    /// Its content or its list of names is read.
    Read = 0,
    /// It is changed, made, moved or removed.
    Write = 1,
    /// It is executed, or mapped to be.
    Exec = 2,
    /// It is a Unix socket, and a connection or a datagram goes to it.
    ///
    /// An abstract socket is a path of one name: `@` and the name of the socket, which may hold any
    /// byte. A socket in the file system whose path is `/@name` counts as the same.
    Connect = 3,
}

impl Access {
    /// Every access.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Exec, Self::Connect];

    /// The access as one bit of a set.
    #[inline(always)]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The access of an ABI number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Read),
            1 => Some(Self::Write),
            2 => Some(Self::Exec),
            3 => Some(Self::Connect),
            _ => None,
        }
    }

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Exec => "exec",
            Self::Connect => "connect",
        }
    }
}

/// The positions of a scope, by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Header {
    /// The first position of each pattern.
    pub starts: Positions,
    /// Positions whose component is `**`. None is followed by another.
    pub any_depth: Positions,
    /// Positions whose component is `*`.
    pub any_name: Positions,
    /// Positions whose component is a literal or a glob: where a name matters.
    pub named: Positions,
    /// Positions of patterns that refuse every access, but for their ends.
    pub denying: Positions,
    /// Positions of patterns that permit something, but for their ends.
    pub granting: Positions,
    /// Ends of patterns that refuse every access.
    pub deny: Positions,
    /// Ends of patterns that permit an access, by [`Access`].
    pub allow: [Positions; Access::ALL.len()],
    /// Ends of patterns that are observed, not enforced.
    pub observed: Positions,
    /// No position.
    pub none: Positions,
    /// The lengths that literals have: bit *n* is *n* bytes.
    pub lengths: [u64; 4],
    /// The bytes that literals begin with: bit *n* is byte *n*.
    pub beginnings: [u64; 4],
    /// Positions whose component is a glob.
    pub globs: Positions,
    /// The [marks](super::mark) of the literals at the positions of each group of each word.
    pub marks: [Marks; GROUPS],
    /// The number of this policy, as in the [scope word](crate::scope::ScopeWord).
    pub version: u32,
    /// Words of a [set](Positions) that are in use.
    pub words: u16,
    /// [`FLAG_OBSERVE`](crate::scope::FLAG_OBSERVE).
    pub flags: u16,
}

const _: () =
    assert!(size_of::<Header>() == 14 * size_of::<Positions>() + 72 + GROUPS * size_of::<Marks>());

impl Default for Header {
    /// Without a position.
    fn default() -> Self {
        Self {
            starts: Positions::EMPTY,
            any_depth: Positions::EMPTY,
            any_name: Positions::EMPTY,
            named: Positions::EMPTY,
            denying: Positions::EMPTY,
            granting: Positions::EMPTY,
            deny: Positions::EMPTY,
            allow: [Positions::EMPTY; Access::ALL.len()],
            observed: Positions::EMPTY,
            none: Positions::EMPTY,
            lengths: [0; 4],
            beginnings: [0; 4],
            globs: Positions::EMPTY,
            marks: [Marks([0; WORDS]); GROUPS],
            version: 0,
            words: 0,
            flags: 0,
        }
    }
}

impl Header {
    /// Adds the mark of the literal at a position, by its number.
    pub fn insert_mark(&mut self, position: u16, mark: u32) {
        let (word, bit) = (usize::from(position) / 64, usize::from(position) % 64);
        let group = self.marks.get_mut(bit / (64 / GROUPS));
        if let Some(of_word) = group.and_then(|group| group.0.get_mut(word)) {
            *of_word |= 1 << mark;
        }
    }

    /// Ends of patterns that permit an access, given by its number.
    #[inline(always)]
    pub const fn allow(&self, access: usize) -> &Positions {
        &self.allow[access & (Access::ALL.len() - 1)]
    }

    /// As [`allow`](Self::allow), to be changed.
    pub const fn allow_mut(&mut self, access: Access) -> &mut Positions {
        &mut self.allow[access as usize]
    }

    /// Whether a literal may have so many bytes. Not said of more than 255.
    #[inline(always)]
    pub(super) const fn has_length(&self, length: usize) -> bool {
        has(&self.lengths, length)
    }

    /// Whether a literal may begin with the byte.
    #[inline(always)]
    pub(super) const fn has_beginning(&self, byte: u8) -> bool {
        has(&self.beginnings, byte as usize)
    }
}

#[inline(always)]
const fn has(set: &[u64; 4], number: usize) -> bool {
    set[(number >> 6) & 3] >> (number & 63) & 1 != 0
}
