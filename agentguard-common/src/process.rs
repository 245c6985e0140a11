//! What a scope permits with processes and namespaces.

use core::ops::BitOr;

/// The permissions of a scope: bits that are set permit.
///
/// What no bit is for cannot be permitted: tracing a process of somebody else, or sending it a
/// signal, is always refused; a signal to a process of the same agent is always permitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct ProcessFlags(pub u16);

impl ProcessFlags {
    /// Nothing is permitted.
    pub const NONE: Self = Self(0);
    /// The agent may make user namespaces.
    pub const USER_NAMESPACES: Self = Self(1 << 0);
    /// Processes of the agent may trace each other.
    pub const PTRACE: Self = Self(1 << 1);

    /// Whether all bits of `other` are set.
    #[inline(always)]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for ProcessFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
