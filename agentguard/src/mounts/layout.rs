//! The names as the kernel's tables have them: mount points as a tree of components.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::{OsStr, OsString},
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::{Component, Path},
};

use agentguard_common::{
    limits::{MAX_COMPONENT, MAX_NODES, MAX_PARTS, MAX_SUPERBLOCKS},
    mounts::{FLAG_PARTS, FLAG_PROC, NOWHERE, Node, Part, PartKey, Superblock},
};

use super::{
    HostNames, LeftOut, Place, Why,
    names::{Named, left_out},
};

/// One of the two ranges of numbers that layouts take in turn: what is new is written where nothing
/// is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// The lower one.
    Lower,
    /// The upper one.
    Upper,
}

impl Half {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Lower => Self::Upper,
            Self::Upper => Self::Lower,
        }
    }

    /// The nodes of this half. Node 0, the root, is in neither.
    pub(super) fn nodes(self) -> Range<u32> {
        self.range(MAX_NODES)
    }

    /// The numbers by which parts continue. 0, the root of a superblock, is in neither.
    pub(super) fn continuations(self) -> Range<u32> {
        self.range(MAX_PARTS)
    }

    fn range(self, size: u32) -> Range<u32> {
        match self {
            Self::Lower => 1..1 + size,
            Self::Upper => 1 + size..1 + 2 * size,
        }
    }
}

/// What the tables hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where its nodes are.
    pub(super) half: Half,
    /// The nodes, from the first of the half on.
    pub nodes: Vec<Node>,
    /// The superblocks, by device number.
    pub superblocks: BTreeMap<u32, Superblock>,
    /// The parts.
    pub parts: BTreeMap<PartKey, Part>,
    /// Superblocks that have a name, and found no room.
    pub left_out: Vec<LeftOut>,
}

impl Layout {
    /// Lays names out in a half.
    pub(super) fn new(names: &HostNames, half: Half) -> Self {
        let mut builder = Builder {
            layout: Self {
                half,
                nodes: Vec::new(),
                superblocks: BTreeMap::new(),
                parts: BTreeMap::new(),
                left_out: Vec::new(),
            },
            children: HashMap::new(),
            next_continuation: half.continuations().start,
        };
        for &device in &names.order {
            if let Some(named) = names.superblocks.get(&device) {
                builder.add(device, named);
            }
        }
        builder.layout
    }
}

/// There is no room.
struct Full;

struct Builder {
    layout: Layout,
    /// Nodes by parent and name.
    children: HashMap<(u32, OsString), u32>,
    next_continuation: u32,
}

impl Builder {
    fn add(&mut self, device: u32, named: &Named) {
        if self.place(device, named).is_ok() {
            return;
        }
        // All or nothing. Nodes that were made for it cost room, and no more.
        self.layout.parts.retain(|key, _| key.device != device);
        self.layout
            .left_out
            .push(left_out(device, named, Why::NoRoom));
    }

    fn place(&mut self, device: u32, named: &Named) -> Result<(), Full> {
        if self.layout.superblocks.len() >= MAX_SUPERBLOCKS as usize {
            return Err(Full);
        }
        let (node, parts) = match &named.place {
            Place::Whole(mount_point) => (self.node(mount_point)?, 0),
            Place::Parts(parts) => {
                for (root, mount_point) in parts {
                    let node = self.node(mount_point)?;
                    self.part(device, root, node)?;
                }
                (NOWHERE, FLAG_PARTS)
            }
        };
        let superblock = Superblock {
            node,
            flags: parts | if named.proc { FLAG_PROC } else { 0 },
            kind: named.kind,
        };
        self.layout.superblocks.insert(device, superblock);
        Ok(())
    }

    /// The node of a mount point.
    fn node(&mut self, mount_point: &Path) -> Result<u32, Full> {
        let mut parent = 0;
        for name in names(mount_point) {
            let key = (parent, name.to_owned());
            parent = if let Some(&known) = self.children.get(&key) {
                known
            } else {
                let count = u32::try_from(self.layout.nodes.len()).map_err(|_| Full)?;
                if count >= MAX_NODES {
                    return Err(Full);
                }
                let (name, length) = padded(name)?;
                self.layout.nodes.push(Node {
                    parent,
                    length,
                    name,
                });
                let made = self.layout.half.nodes().start + count;
                self.children.insert(key, made);
                made
            };
        }
        Ok(parent)
    }

    /// Enters a part of a superblock.
    fn part(&mut self, device: u32, root: &Path, node: u32) -> Result<(), Full> {
        let mut at = 0;
        let mut names = names(root).peekable();
        while let Some(name) = names.next() {
            let (name, _) = padded(name)?;
            let key = PartKey { device, at, name };
            if let Some(known) = self.layout.parts.get(&key) {
                at = known.next;
                continue;
            }
            if self.layout.parts.len() >= MAX_PARTS as usize {
                return Err(Full);
            }
            let part = if names.peek().is_none() {
                Part { node, next: 0 }
            } else {
                let next = self.next_continuation;
                self.next_continuation += 1;
                Part {
                    node: NOWHERE,
                    next,
                }
            };
            self.layout.parts.insert(key, part);
            at = part.next;
        }
        Ok(())
    }
}

fn names(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

/// A name padded with zeros, and its length. The kernel has no longer names.
fn padded(name: &OsStr) -> Result<([u8; MAX_COMPONENT + 1], u32), Full> {
    let bytes = name.as_bytes();
    let mut padded = [0; MAX_COMPONENT + 1];
    match padded.get_mut(..bytes.len()) {
        Some(start) if bytes.len() <= MAX_COMPONENT => start.copy_from_slice(bytes),
        _ => return Err(Full),
    }
    let length = u32::try_from(bytes.len()).map_err(|_| Full)?;
    Ok((padded, length))
}
