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
    dir::{Dir, Type},
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, SFlag, fstat},
};

use super::{
    left_out::{LeftOut, Why},
    mounts::Mounts,
};
use crate::policy::paths::{Accesses, Reach};

/// How much may be looked at and granted for one command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Names in directories.
    pub(super) names: usize,
    /// Hierarchies and files that are granted.
    pub(super) grants: usize,
}

impl Limits {
    /// Those that hold. A million names take about half a second.
    pub(super) const HELD: Self = Self {
        names: 1 << 20,
        grants: 1 << 16,
    };
}

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
    /// There is too much to be looked at, or to be granted one by one.
    #[error(
        "{} holds too much: Landlock permits hierarchies and cannot refuse, so that for {rule} files have to be permitted one by one, and more than {limit} {what}; `agentguard doctor` says how to get BPF LSM, which needs none of it",
        .path.display()
    )]
    TooMuch {
        /// The directory.
        path: PathBuf,
        /// The rule for which it is looked at.
        rule: String,
        /// The limit.
        limit: usize,
        /// What is too much.
        what: &'static str,
    },
    /// Something cannot be granted.
    #[error("Landlock: {0}")]
    Grant(#[from] E),
}

/// A walk over this host's files.
pub(super) struct Walk<'a, G> {
    reach: &'a Reach,
    /// What Landlock can decide on this kernel.
    handled: Accesses,
    mounts: &'a Mounts,
    rule_name: &'a dyn Fn(u16) -> String,
    grants: &'a mut G,
    left_out: LeftOut,
    limits: Limits,
    looked_at: usize,
    granted: usize,
}

/// A directory on the way, or a file.
struct Place<'a> {
    directory: BorrowedFd<'a>,
    path: &'a Path,
    state: &'a State,
    /// What was granted above.
    granted: Accesses,
    /// Whether each name on the way is in a rule.
    is_named: bool,
}

impl<'a, G: Grants> Walk<'a, G> {
    /// A walk for these rules. `rule_name` says how a rule is called in what is said.
    pub(super) fn new(
        reach: &'a Reach,
        handled: Accesses,
        mounts: &'a Mounts,
        rule_name: &'a dyn Fn(u16) -> String,
        grants: &'a mut G,
    ) -> Self {
        Self {
            reach,
            handled,
            mounts,
            rule_name,
            grants,
            left_out: LeftOut::default(),
            limits: Limits::HELD,
            looked_at: 0,
            granted: 0,
        }
    }

    /// With what was left out before.
    pub(super) fn having_left_out(self, left_out: LeftOut) -> Self {
        Self { left_out, ..self }
    }

    /// With other limits.
    #[cfg(test)]
    pub(super) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

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
            self.count(place, 0, 1)?;
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
                    self.count(place, found.len(), 0)?;
                    for Entry { name, kind } in found {
                        left.retain(|literal| *literal != name.as_slice());
                        self.entry(&inside, &name, kind, wanted)?;
                    }
                }
                Err(error) => self.left_out.add(path, wanted, Why::Unseen(error)),
            }
        }
        self.count(place, left.len(), 0)?;
        for name in left {
            self.entry(&inside, name, Entered::Literal, wanted)?;
        }
        Ok(())
    }

    /// Counts what is looked at and granted, against the limits.
    fn count(
        &mut self,
        place: &Place<'_>,
        names: usize,
        grants: usize,
    ) -> Result<(), WalkError<G::Error>> {
        let too_much = |limit, what| {
            let refusal = self.reach.refusal(place.state);
            let rule = refusal.or_else(|| self.reach.grant(place.state));
            Err(WalkError::TooMuch {
                path: place.path.to_owned(),
                rule: rule.map_or_else(String::new, self.rule_name),
                limit,
                what,
            })
        };
        self.looked_at += names;
        self.granted += grants;
        if self.looked_at > self.limits.names {
            return too_much(self.limits.names, "names are not looked at");
        }
        if self.granted > self.limits.grants {
            return too_much(self.limits.grants, "are not granted");
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
        entered: Entered,
        wanted: Accesses,
    ) -> Result<(), WalkError<G::Error>> {
        // In the root, such a name is an abstract socket's where a socket is meant.
        let is_abstract = place.path == Path::new("/") && name.starts_with(b"@");
        let meant = if is_abstract {
            wanted - [Access::Connect].into_iter().collect()
        } else {
            wanted
        };
        let in_proc = self.mounts.is_proc(place.path);
        let is_self = in_proc && name == b"self";
        // A link leads to what is judged by its own path.
        if entered == Entered::Listed(Some(Type::Symlink)) && !is_self {
            return Ok(());
        }
        // A path that is too deep, or a name that is too long, is refused.
        let Some(state) = self.reach.enter(place.state, name) else {
            return Ok(());
        };
        let beneath = match entered {
            Entered::Listed(Some(Type::File)) => Accesses::NONE,
            _ => self.reach.beneath(&state),
        };
        let possible = (self.reach.permitted(&state) | beneath) & meant;
        if possible.is_empty() {
            return Ok(());
        }
        let path = place.path.join(OsStr::from_bytes(name));
        let is_named = place.is_named && entered == Entered::Literal;
        let target = if in_proc {
            match own_process(name) {
                Some(target) => target,
                // By its number it is nobody's own.
                None => return Ok(()),
            }
        } else {
            OsStr::from_bytes(name).to_owned()
        };
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = openat(place.directory, target.as_os_str(), flags, Mode::empty())
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
                self.left_out.add(&path, possible, why);
                return Ok(());
            }
        };
        let kind = mode & SFlag::S_IFMT;
        if self.mounts.is_elsewhere(&path) {
            self.left_out.add(&path, possible, Why::Elsewhere);
            return Ok(());
        }
        if is_self {
            self.left_out.add(&path, possible, Why::FirstProcess);
        }
        let inside = Place {
            directory: object.as_fd(),
            path: &path,
            state: &state,
            granted: place.granted,
            is_named,
        };
        if kind == SFlag::S_IFDIR {
            return self.directory(&inside);
        }
        if kind == SFlag::S_IFLNK {
            if is_named {
                self.left_out.add(&path, possible, Why::Link);
            }
            return Ok(());
        }
        self.file(&inside, kind, meant)
    }

    fn file(
        &mut self,
        place: &Place<'_>,
        kind: SFlag,
        meant: Accesses,
    ) -> Result<(), WalkError<G::Error>> {
        let permitted = self.reach.permitted(place.state) & meant;
        if permitted.is_empty() {
            return Ok(());
        }
        self.count(place, 0, 1)?;
        self.grants
            .grant(place.directory, Kind::File, permitted, place.path)?;
        // Nobody means to replace a device.
        if kind == SFlag::S_IFREG && permitted.contains(Access::Write) {
            let write = [Access::Write].into_iter().collect();
            self.left_out.add(place.path, write, Why::FileAlone);
        }
        Ok(())
    }
}

/// How the walk came upon a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entered {
    /// A rule names it.
    Literal,
    /// The directory does, and says perhaps what it is.
    Listed(Option<Type>),
}

/// A name in a directory.
struct Entry {
    name: Vec<u8>,
    kind: Entered,
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
fn list(directory: BorrowedFd<'_>) -> Result<Vec<Entry>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::from_fd(openat(directory, ".", flags, Mode::empty())?)?.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            let kind = Entered::Listed(entry.file_type());
            names.push(Entry { name, kind });
        }
    }
    // In an order that does not depend on the file system.
    names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(names)
}
