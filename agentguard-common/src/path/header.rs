//! What a scope says about its patterns.

use super::Positions;

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
}

impl Access {
    /// Every access.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Exec];
}

/// The positions of a scope, by what they mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Header {
    /// The first position of each pattern.
    pub starts: Positions,
    /// Positions whose component is `**`. None is followed by another.
    pub any_depth: Positions,
    /// Positions whose component is `*`.
    pub any_name: Positions,
    /// Ends of patterns that refuse every access.
    pub deny: Positions,
    /// Ends of patterns that permit [`Access::Read`].
    pub read: Positions,
    /// Ends of patterns that permit [`Access::Write`].
    pub write: Positions,
    /// Ends of patterns that permit [`Access::Exec`].
    pub exec: Positions,
    /// Ends of patterns that are observed, not enforced.
    pub observed: Positions,
    /// [`FLAG_OBSERVE`](crate::scope::FLAG_OBSERVE) and
    /// [`FLAG_OBSERVED_RULES`](crate::scope::FLAG_OBSERVED_RULES).
    pub flags: u16,
    /// Zero.
    pub reserved: [u16; 3],
}

const _: () = assert!(size_of::<Header>() == 8 * 64 + 8);

impl Header {
    /// Ends of patterns that permit an access.
    #[inline(always)]
    pub const fn allow(&self, access: Access) -> &Positions {
        match access {
            Access::Read => &self.read,
            Access::Write => &self.write,
            Access::Exec => &self.exec,
        }
    }

    /// As [`allow`](Self::allow), to be changed.
    pub const fn allow_mut(&mut self, access: Access) -> &mut Positions {
        match access {
            Access::Read => &mut self.read,
            Access::Write => &mut self.write,
            Access::Exec => &mut self.exec,
        }
    }
}
