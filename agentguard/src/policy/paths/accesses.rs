//! Sets of accesses.

use std::{
    fmt,
    ops::{BitAnd, BitOr, Sub},
};

use agentguard_common::path::Access;

/// A set of accesses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accesses(u8);

impl Accesses {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it holds this one.
    pub const fn contains(self, access: Access) -> bool {
        self.0 & access.bit() != 0
    }

    /// What it holds, in the order of [`Access::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Access> {
        Access::ALL
            .into_iter()
            .filter(move |access| self.contains(*access))
    }
}

impl FromIterator<Access> for Accesses {
    fn from_iter<T: IntoIterator<Item = Access>>(accesses: T) -> Self {
        Self(
            accesses
                .into_iter()
                .fold(0, |set, access| set | access.bit()),
        )
    }
}

impl BitOr for Accesses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Accesses {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Accesses {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for Accesses {
    /// `read, write`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, access) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{}", access.name())?;
        }
        Ok(())
    }
}
