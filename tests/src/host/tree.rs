//! A tree of files that cases work on, and what is seen of it from outside.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use super::{Scratch, tool};
use crate::{
    error::{Context, Outcome},
    sys,
};

/// What is on disk before each case: paths beneath the tree, parents first.
pub type Layout = &'static [(&'static str, Thing)];

/// Something on disk.
#[derive(Clone, Copy, Debug)]
pub enum Thing {
    /// A directory.
    Directory,
    /// A file with this content.
    File(&'static str),
    /// A program that ends with [`tool::STATUS`].
    Tool,
    /// A file with this content that may be executed; `$tree` is the tree.
    Script(&'static str),
    /// A symbolic link that says this; `$tree` is the tree.
    Link(&'static str),
    /// One more name of a file of the tree.
    Hard(&'static str),
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    scratch: Scratch,
    layout: Layout,
}

/// One path as it is seen from outside. The time of the last access is nothing that a case changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    links: u64,
    device: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// A file's content, a link's target.
    content: Vec<u8>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Everything beneath a tree, by path.
pub type Snapshot = BTreeMap<PathBuf, Seen>;

impl Tree {
    /// Makes it.
    pub fn new(layout: Layout) -> Outcome<Self> {
        let tree = Self {
            scratch: Scratch::new()?,
            layout,
        };
        tree.fill()?;
        Ok(tree)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Makes it what it was at first.
    pub fn fill(&self) -> Outcome {
        let root = self.path();
        for entry in fs::read_dir(root).context("list the tree")? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path()).context("clear the tree")?;
            } else {
                fs::remove_file(entry.path()).context("clear the tree")?;
            }
        }
        for (name, thing) in self.layout {
            make(root, &root.join(name), *thing).context(format!("make {name}"))?;
        }
        Ok(())
    }

    /// What it is now.
    pub fn snapshot(&self) -> Outcome<Snapshot> {
        let mut seen = Snapshot::new();
        look(self.path(), &mut seen).context("look at the tree")?;
        Ok(seen)
    }
}

fn make(root: &Path, path: &Path, thing: Thing) -> std::io::Result<()> {
    match thing {
        Thing::Directory => fs::create_dir(path),
        Thing::File(content) => fs::write(path, content),
        Thing::Tool => {
            fs::write(path, tool::IMAGE)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        }
        Thing::Script(content) => {
            fs::write(path, content.replace("$tree", &root.to_string_lossy()))?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        }
        Thing::Link(target) => symlink(target.replace("$tree", &root.to_string_lossy()), path),
        Thing::Hard(of) => fs::hard_link(root.join(of), path),
    }
}

fn look(path: &Path, into: &mut Snapshot) -> std::io::Result<()> {
    let data = fs::symlink_metadata(path)?;
    let content = if data.is_file() {
        fs::read(path)?
    } else if data.is_symlink() {
        fs::read_link(path)?.as_os_str().as_bytes().to_vec()
    } else {
        Vec::new()
    };
    let seen = Seen {
        inode: data.ino(),
        mode: data.mode(),
        owner: (data.uid(), data.gid()),
        links: data.nlink(),
        device: data.rdev(),
        modified: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
        content,
        attributes: sys::extended_attributes(path)?,
    };
    into.insert(path.to_owned(), seen);
    if data.is_dir() {
        for entry in fs::read_dir(path)? {
            look(&entry?.path(), into)?;
        }
    }
    Ok(())
}
