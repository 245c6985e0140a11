//! From path rules to what Landlock can permit: whole hierarchies, and single files.
//!
//! The walk goes down from `/`, with the state that the decision gives each directory. What is permitted
//! with everything beneath a directory is granted there, and the walk goes on only for what may be
//! more. Landlock cannot refuse: where a rule may refuse a path beneath, the directory is not granted,
//! but what exists in it is looked at one by one. So nothing that the rules refuse is ever granted, also
//! if it is made later.
//!
//! Names are opened one after another without following links: what is granted is what was matched.

use std::{
    ffi::{OsStr, OsString},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use agentguard_common::path::{Access, State};
use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, SFlag, fstat},
};

use super::{
    left_out::{LeftOut, Why},
    mounts::Mounts,
};
use crate::policy::paths::{Accesses, Reach};

/// Files and directories that are looked at for one command.
pub const MAX_ENTRIES: usize = 65_536;

/// What is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A directory with everything beneath.
    Hierarchy,
    /// A file.
    File,
}

/// Who takes what is granted.
pub(super) trait Grants {
    /// Why it cannot be granted.
    type Error;

    /// Takes one.
    fn grant(
        &mut self,
        object: BorrowedFd<'_>,
        kind: Kind,
        accesses: Accesses,
        path: &Path,
    ) -> Result<(), Self::Error>;
}

/// Why a walk was given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError<E> {
    /// The root cannot be opened.
    #[error("/: {}", .0.desc())]
    Root(Errno),
    /// There is too much to be looked at.
    #[error(
        "{} holds too much: Landlock cannot refuse, so that beneath it each file would have to be permitted by itself, and more than {MAX_ENTRIES} are looked at, because of {rule}",
        .path.display()
    )]
    Entries {
        /// The directory.
        path: PathBuf,
        /// The rule for which it is looked at.
        rule: String,
    },
    /// Something cannot be granted.
    #[error(transparent)]
    Grant(#[from] E),
}

/// A walk over this host's files.
pub(super) struct Walk<'a, G> {
    pub(super) reach: &'a Reach,
    /// What Landlock can decide on this kernel.
    pub(super) handled: Accesses,
    pub(super) mounts: &'a Mounts,
    /// How a rule is called in what is said.
    pub(super) rule_name: &'a dyn Fn(u16) -> String,
    pub(super) grants: &'a mut G,
    pub(super) left_out: LeftOut,
    pub(super) entries: usize,
}

/// A directory on the way.
struct Place<'a> {
    directory: BorrowedFd<'a>,
    path: &'a Path,
    state: &'a State,
    /// What was granted above.
    granted: Accesses,
    /// Whether each name on the way is in a rule.
    is_named: bool,
}

impl<G: Grants> Walk<'_, G> {
    /// Walks all of it.
    pub(super) fn run(mut self) -> Result<LeftOut, WalkError<G::Error>> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open("/", flags, Mode::empty()).map_err(WalkError::Root)?;
        if let Some(state) = self.reach.root() {
            self.directory(&Place {
                directory: root.as_fd(),
                path: Path::new("/"),
                state: &state,
                granted: Accesses::NONE,
                is_named: true,
            })?;
        }
        Ok(self.left_out)
    }

    fn directory(&mut self, place: &Place<'_>) -> Result<(), WalkError<G::Error>> {
        let Place { state, path, .. } = *place;
        let mut granted = place.granted;
        let whole = (self.reach.whole(state) & self.handled) - granted;
        let obstacle = self.obstacle(state, path);
        if !whole.is_empty() && obstacle.is_none() {
            self.grants
                .grant(place.directory, Kind::Hierarchy, whole, path)?;
            granted = granted | whole;
        }
        let own = (self.reach.permitted(state) & self.handled) - granted;
        if !own.is_empty() {
            let why = obstacle
                .filter(|_| !whole.is_empty())
                .unwrap_or(Why::DirectoryAlone);
            self.left_out.add(path, own, why);
        }
        let wanted = (self.reach.beneath(state) & self.handled) - granted;
        if wanted.is_empty() {
            return Ok(());
        }
        let inside = Place { granted, ..*place };
        let names = self.reach.names(state, wanted);
        let mut left = names.literals;
        if names.any {
            match list(place.directory) {
                Ok(found) => {
                    for name in found {
                        left.retain(|literal| *literal != name.as_slice());
                        self.entry(&inside, &name, wanted, false)?;
                    }
                }
                Err(error) => self.left_out.add(path, wanted, Why::Unseen(error)),
            }
        }
        for name in left {
            self.entry(&inside, name, wanted, true)?;
        }
        Ok(())
    }

    /// Why a directory cannot be granted with everything beneath.
    fn obstacle(&self, state: &State, path: &Path) -> Option<Why> {
        if let Some(rule) = self.reach.refusal(state) {
            return Some(Why::Refusal((self.rule_name)(rule)));
        }
        let mount = self.mounts.elsewhere_beneath(path)?;
        Some(Why::MountBeneath(mount.to_owned()))
    }

    fn entry(
        &mut self,
        place: &Place<'_>,
        name: &[u8],
        wanted: Accesses,
        is_literal: bool,
    ) -> Result<(), WalkError<G::Error>> {
        // In the root, such a name is an abstract socket's where a socket is meant.
        let is_abstract = place.path == Path::new("/") && name.starts_with(b"@");
        let meant = if is_abstract {
            wanted - [Access::Connect].into_iter().collect()
        } else {
            wanted
        };
        // A path that is too deep, or a name that is too long, is refused.
        let Some(state) = self.reach.enter(place.state, name) else {
            return Ok(());
        };
        let possible = self.reach.permitted(&state) | self.reach.beneath(&state);
        if (possible & meant).is_empty() {
            return Ok(());
        }
        if self.entries == MAX_ENTRIES {
            let rule = self
                .reach
                .refusal(place.state)
                .or_else(|| self.reach.grant(place.state));
            return Err(WalkError::Entries {
                path: place.path.to_owned(),
                rule: rule.map_or_else(String::new, self.rule_name),
            });
        }
        self.entries += 1;
        let path = place.path.join(OsStr::from_bytes(name));
        let is_named = place.is_named && is_literal;
        let open = if self.mounts.is_proc(place.path) {
            match own_process(name) {
                Some(open) => open,
                // By its number it is nobody's own.
                None => return Ok(()),
            }
        } else {
            OsStr::from_bytes(name).to_owned()
        };
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = openat(place.directory, open.as_os_str(), flags, Mode::empty())
            .and_then(|object| Ok((SFlag::from_bits_truncate(fstat(&object)?.st_mode), object)));
        let (mode, object): (SFlag, OwnedFd) = match found {
            Ok(found) => found,
            // It was there a moment ago, or it need not be.
            Err(Errno::ENOENT) if !is_named => return Ok(()),
            Err(error) => {
                let why = match error {
                    Errno::ENOENT => Why::Missing,
                    error => Why::Unseen(error),
                };
                self.left_out.add(&path, possible & meant, why);
                return Ok(());
            }
        };
        let kind = mode & SFlag::S_IFMT;
        if self.mounts.is_elsewhere(&path) {
            self.left_out.add(&path, possible & meant, Why::Elsewhere);
            return Ok(());
        }
        if self.mounts.is_proc(place.path) && name == b"self" {
            self.left_out
                .add(&path, possible & meant, Why::FirstProcess);
        }
        if kind == SFlag::S_IFDIR {
            return self.directory(&Place {
                directory: object.as_fd(),
                path: &path,
                state: &state,
                granted: place.granted,
                is_named,
            });
        }
        if kind == SFlag::S_IFLNK {
            if is_named {
                self.left_out.add(&path, possible & meant, Why::Link);
            }
            return Ok(());
        }
        self.file(&object, kind, &path, &state, meant)
    }

    fn file(
        &mut self,
        object: &OwnedFd,
        kind: SFlag,
        path: &Path,
        state: &State,
        meant: Accesses,
    ) -> Result<(), WalkError<G::Error>> {
        let permitted = self.reach.permitted(state) & meant;
        if permitted.is_empty() {
            return Ok(());
        }
        self.grants
            .grant(object.as_fd(), Kind::File, permitted, path)?;
        // Nobody means to replace a device.
        if kind == SFlag::S_IFREG && permitted.contains(Access::Write) {
            let write = [Access::Write].into_iter().collect();
            self.left_out.add(path, write, Why::FileAlone);
        }
        Ok(())
    }
}

/// What is to be opened in procfs for a name: the kernel takes the directory of the process that asks
/// for `self`, and for nothing else.
fn own_process(name: &[u8]) -> Option<OsString> {
    let own = std::process::id().to_string();
    if name == b"self" {
        return Some(own.into());
    }
    (name != own.as_bytes()).then(|| OsStr::from_bytes(name).to_owned())
}

/// The names in a directory, but for itself and the one above.
fn list(directory: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::from_fd(openat(directory, ".", flags, Mode::empty())?)?.iter() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    // In an order that does not depend on the file system.
    names.sort_unstable();
    Ok(names)
}
