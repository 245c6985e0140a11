//! Where a path leads on this host.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use super::casefold;

/// Links that are followed on one way, as the kernel bounds them (`MAXSYMLINKS`, `include/linux/namei.h`).
const MAX_LINKS: usize = 40;

/// What has to be known of a host to say where a path leads.
pub trait HostPaths {
    /// The symbolic link at an absolute path, or `None` if there is something else. No directory on the
    /// way is a link.
    fn link(&self, path: &Path) -> io::Result<Option<Link>>;

    /// The path that the kernel will see for what is at an absolute path without links: another one where the
    /// same files are mounted twice. What does not exist has one, too.
    fn place(&self, path: PathBuf) -> PathBuf {
        path
    }

    /// Whether a directory takes names that differ in case for the same. It is not known of what cannot be looked at.
    fn ignores_case(&self, _: &Path) -> bool {
        false
    }
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub target: PathBuf,
    /// The user that it belongs to.
    pub owner: u32,
}

/// The file system, as this process sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl HostPaths for Host {
    fn link(&self, path: &Path) -> io::Result<Option<Link>> {
        let metadata = std::fs::symlink_metadata(path)?;
        if !metadata.is_symlink() {
            return Ok(None);
        }
        Ok(Some(Link {
            target: std::fs::read_link(path)?,
            owner: metadata.uid(),
        }))
    }

    fn ignores_case(&self, directory: &Path) -> bool {
        casefold::ignores_case(directory).unwrap_or(false)
    }
}

/// A host that is asked about each path once. What it says does not change while it is used.
pub(super) struct Remembered<'a> {
    host: &'a dyn HostPaths,
    links: RefCell<HashMap<PathBuf, Result<Option<Link>, io::ErrorKind>>>,
}

impl<'a> Remembered<'a> {
    pub(super) fn new(host: &'a dyn HostPaths) -> Self {
        Self {
            host,
            links: RefCell::default(),
        }
    }
}

impl HostPaths for Remembered<'_> {
    fn link(&self, path: &Path) -> io::Result<Option<Link>> {
        if let Some(known) = self.links.borrow().get(path) {
            return known.clone().map_err(io::Error::from);
        }
        let found = self.host.link(path).map_err(|error| error.kind());
        self.links
            .borrow_mut()
            .insert(path.to_owned(), found.clone());
        found.map_err(io::Error::from)
    }

    fn place(&self, path: PathBuf) -> PathBuf {
        self.host.place(path)
    }

    fn ignores_case(&self, directory: &Path) -> bool {
        self.host.ignores_case(directory)
    }
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Way {
    /// The path that the kernel will see. From the first name that does not exist on it is as it was asked
    /// for.
    pub(super) end: PathBuf,
    /// The links that were followed: where they stand, and whose they are.
    pub(super) links: Vec<(PathBuf, u32)>,
    /// Why the rest of the way is not known, if it is not.
    pub(super) error: Option<WayError>,
}

/// Why it cannot be said where a path leads.
#[derive(Debug, thiserror::Error)]
pub(super) enum WayError {
    /// Something on it cannot be looked at.
    #[error("{path:?} cannot be looked at: {kind}")]
    Unknown {
        /// What.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// Links lead to each other.
    #[error("the symbolic link {0:?} leads in a circle")]
    Circle(PathBuf),
}

/// Follows an absolute path, given as its names.
pub(super) fn follow<'a>(host: &dyn HostPaths, names: impl Iterator<Item = &'a [u8]>) -> Way {
    let mut todo: VecDeque<OsString> = names.map(|name| OsStr::from_bytes(name).into()).collect();
    let mut end = PathBuf::from("/");
    let mut links = Vec::new();
    let mut error = None;
    while let Some(name) = todo.pop_front() {
        if name == ".." {
            end.pop();
            continue;
        }
        end.push(&name);
        if is_of_the_asker(&end) {
            break;
        }
        match host.link(&end) {
            Ok(None) => {}
            Ok(Some(link)) if links.len() < MAX_LINKS => {
                links.push((host.place(end.clone()), link.owner));
                end.pop();
                for component in link.target.components().rev() {
                    match component {
                        Component::Normal(name) => todo.push_front(name.to_owned()),
                        Component::ParentDir => todo.push_front("..".into()),
                        Component::RootDir => end = PathBuf::from("/"),
                        Component::CurDir | Component::Prefix(_) => {}
                    }
                }
            }
            Ok(Some(_)) => {
                error = Some(WayError::Circle(end.clone()));
                break;
            }
            Err(found) => {
                let kind = found.kind();
                if !matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    let path = end.clone();
                    error = Some(WayError::Unknown { path, kind });
                }
                break;
            }
        }
    }
    for name in todo {
        if name == ".." {
            end.pop();
        } else {
            end.push(name);
        }
    }
    Way {
        end: host.place(end),
        links,
        error,
    }
}

/// Whether a link of procfs stands for whoever asks, and so leads elsewhere for everyone.
fn is_of_the_asker(path: &Path) -> bool {
    path == Path::new("/proc/self") || path == Path::new("/proc/thread-self")
}
