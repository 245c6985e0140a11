//! What is measured.

use std::fmt;

/// One thing that a worker does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `open` for reading and `close`, of files that were opened before.
    OpenAgain,
    /// The same of files that were not, in a directory of which one was.
    OpenBeside,
    /// The same of files that were not, each in a directory where none was, beside directories where one was.
    OpenFirst,
    /// The same, and no directory on the way but the highest two was ever passed.
    OpenCold,
    /// `stat`.
    Stat,
    /// A process is made, executes a program that does nothing, and is waited for.
    Exec,
    /// A file is made, closed, and removed.
    Unlink,
    /// A file gets another name.
    Rename,
}

impl Operation {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        Self::OpenAgain,
        Self::OpenBeside,
        Self::OpenFirst,
        Self::OpenCold,
        Self::Stat,
        Self::Exec,
        Self::Unlink,
        Self::Rename,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OpenAgain => "open-again",
            Self::OpenBeside => "open-beside",
            Self::OpenFirst => "open-first",
            Self::OpenCold => "open-cold",
            Self::Stat => "stat",
            Self::Exec => "exec",
            Self::Unlink => "make-unlink",
            Self::Rename => "rename",
        }
    }

    /// The operation of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }

    /// How many directories are above the files that it is measured with.
    pub(super) const fn depths(self) -> &'static [usize] {
        match self {
            Self::OpenAgain | Self::OpenBeside | Self::OpenFirst => &[2, 8, 20],
            Self::OpenCold => &[8, 20],
            Self::Stat => &[8],
            Self::Exec | Self::Unlink | Self::Rename => &[2],
        }
    }

    /// How many rounds of it are as good as one of another: what makes a process differs from time to time.
    pub(super) const fn rounds(self) -> usize {
        match self {
            Self::Exec => 8,
            _ => 1,
        }
    }

    /// Which of so many rounds, sorted by what they took, stands for all: the one in the middle, or the
    /// first where a kernel that has memory at hand or not, and a tick or none, make several kinds of them.
    pub(super) const fn rank(self, rounds: usize) -> usize {
        match self {
            Self::Exec => 0,
            _ => rounds / 2,
        }
    }

    /// How often it is done between two looks at the clock.
    pub(super) const fn count(self) -> usize {
        match self {
            Self::Exec => 1,
            _ => super::tree::FILES,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
