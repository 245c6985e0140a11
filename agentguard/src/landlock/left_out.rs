//! What a scope permits and Landlock, as it is used, does not.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use crate::policy::paths::Accesses;

/// How many are kept; of more, only their number.
const KEPT: usize = 1000;

/// Everything that was left out.
#[derive(Debug, Default)]
pub struct LeftOut {
    items: Vec<Item>,
    more: u64,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The path, or the abstract name.
    pub path: PathBuf,
    /// What the scope permits with it.
    pub accesses: Accesses,
    /// Why it is not permitted.
    pub why: Why,
}

/// Why something was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It does not exist.
    Missing,
    /// It is a symbolic link, and the target is judged by its own path.
    Link,
    /// It cannot be opened or listed.
    Unseen(Errno),
    /// A path beneath the directory may be refused by this rule, so that only what exists in it now
    /// is permitted, each by itself.
    Refusal(String),
    /// What is mounted here, beneath the directory, has its place elsewhere.
    MountBeneath(PathBuf),
    /// What is mounted here has its place elsewhere, and is judged by that.
    Elsewhere,
    /// The scope names the directory and not what is beneath.
    DirectoryAlone,
    /// The scope names the file, and the right to remove or replace it would be one to all of its
    /// directory.
    FileAlone,
    /// It is permitted to the process that was started first; those that it starts have directories of
    /// their own.
    FirstProcess,
    /// Abstract sockets of others are refused altogether.
    Abstract,
}

impl LeftOut {
    /// Adds one.
    pub(super) fn add(&mut self, path: &Path, accesses: Accesses, why: Why) {
        if self.items.len() == KEPT {
            self.more += 1;
            return;
        }
        self.items.push(Item {
            path: path.to_owned(),
            accesses,
            why,
        });
    }

    /// Those that were kept.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many there are beside [those](Self::items).
    pub fn more(&self) -> u64 {
        self.more
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.more + u64::try_from(self.items.len()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} ({}): {}",
            self.path.display(),
            self.accesses,
            self.why
        )
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("does not exist; what is made later is refused"),
            Self::Link => formatter.write_str("a symbolic link; name its target"),
            Self::Unseen(error) => formatter.write_str(error.desc()),
            Self::Refusal(rule) => write!(
                formatter,
                "the directory itself and what is made in it later: {rule} may refuse a path in it"
            ),
            Self::MountBeneath(point) => write!(
                formatter,
                "the directory itself and what is made in it later: {} shows another part of the host",
                point.display()
            ),
            Self::Elsewhere => formatter
                .write_str("it shows another part of the host, and is judged by its path there"),
            Self::DirectoryAlone => {
                formatter.write_str("a directory without what is beneath cannot be permitted")
            }
            Self::FileAlone => formatter.write_str("it cannot be removed, replaced or moved"),
            Self::FirstProcess => formatter
                .write_str("for processes that the command starts; its own process may use it"),
            Self::Abstract => {
                formatter.write_str("abstract sockets outside of the agent are refused altogether")
            }
        }
    }
}
