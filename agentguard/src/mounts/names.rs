//! The one path that the host has for each superblock, or for each part of one.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use agentguard_common::{limits::MAX_DEPTH, mounts::kind};

use super::{Mount, MountTable};

/// Types whose superblocks have several roots, which all look like `/` in the mount table: two
/// exports of one server, or two snapshots. Nothing but the source and the options tells them apart.
const MANY_ROOTS: [&[u8]; 4] = [b"nfs", b"nfs4", b"ceph", b"nilfs2"];

/// Where a superblock is on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its root is mounted here.
    Whole(PathBuf),
    /// Only these directories and files of it are mounted: the path within the superblock, and the
    /// path on the host. None is beneath another.
    Parts(Vec<(PathBuf, PathBuf)>),
}

/// A superblock that the host has mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where.
    pub place: Place,
    /// Its type, as [`kind`] has it.
    pub kind: u64,
    /// Whether it is a procfs of the initial pid namespace.
    pub proc: bool,
    /// Whether a user who is not root mounted it.
    pub is_a_users: bool,
}

/// Why a superblock that can be seen on the host has no name: every access to it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// It has several roots.
    #[error(
        "another file tree is mounted from the same superblock; mount NFS with `nosharecache`, and \
         Ceph with `noshare`"
    )]
    ManyRoots,
    /// Its mount point is too deep.
    #[error("the mount point has more than {MAX_DEPTH} components")]
    Deep,
    /// A table has no room.
    #[error("too much is mounted")]
    NoRoom,
}

/// A superblock without a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is mounted at {} is refused to agents with file rules: {why}", mount_point.display())]
pub struct LeftOut {
    /// Its device number.
    pub device: u32,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Why it has no name.
    pub why: Why,
    /// Whether a user who is not root mounted it.
    pub is_a_users: bool,
}

/// The names of superblocks on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames {
    /// By device number.
    pub superblocks: BTreeMap<u32, Named>,
    /// Device numbers in the order in which they get room: users' last, earlier mounts first.
    pub order: Vec<u32>,
    /// What is mounted and has no name.
    pub left_out: Vec<LeftOut>,
}

impl HostNames {
    /// Chooses for each superblock the mount that names it. `is_host_proc` says whether a procfs at a
    /// path is of the initial pid namespace.
    ///
    /// A mount that another hides names nothing. Among the others one of the whole superblock goes
    /// before those of parts, and the earliest before later ones: bind mounts come later than what
    /// they bind. Of parts, the outermost name those within them.
    pub fn choose(table: &MountTable, is_host_proc: impl Fn(&Mount) -> bool) -> Self {
        let mut order = Vec::new();
        let mut candidates: HashMap<u32, Vec<&Mount>> = HashMap::new();
        for mount in table.visible().filter(|mount| mount.root.is_some()) {
            let of_device = candidates.entry(mount.device).or_default();
            if of_device.is_empty() {
                order.push(mount.device);
            }
            of_device.push(mount);
        }
        let mut names = Self::default();
        for device in order {
            let Some(mut mounts) = candidates.remove(&device) else {
                continue;
            };
            if mounts.iter().any(|mount| mount.is_whole()) {
                mounts.retain(|mount| mount.is_whole());
            }
            names.name(device, &mounts, &is_host_proc);
        }
        let superblocks = &names.superblocks;
        names
            .order
            .sort_by_key(|device| superblocks.get(device).is_some_and(|it| it.is_a_users));
        names
    }

    /// Names a superblock by these mounts of it: either all or none of them are of the whole.
    fn name(&mut self, device: u32, mounts: &[&Mount], is_host_proc: impl Fn(&Mount) -> bool) {
        let Some(&first) = mounts.first() else {
            return;
        };
        let is_other = |mount: &&Mount| {
            (&mount.source, &mount.super_options) != (&first.source, &first.super_options)
        };
        let place = if first.is_whole() {
            Place::Whole(first.mount_point.clone())
        } else {
            Place::Parts(outermost(mounts))
        };
        let named = Named {
            place,
            kind: kind(first.type_name()),
            proc: first.type_name() == b"proc" && is_host_proc(first),
            is_a_users: first.is_a_users(),
        };
        let why = if MANY_ROOTS.contains(&first.type_name()) && mounts.iter().any(is_other) {
            Some(Why::ManyRoots)
        } else {
            (named.place.depth() > MAX_DEPTH).then_some(Why::Deep)
        };
        if let Some(why) = why {
            self.left_out.push(left_out(device, &named, why));
            return;
        }
        self.superblocks.insert(device, named);
        self.order.push(device);
    }

    /// The host's path of what has a path within a superblock; `None` if it has none.
    pub fn host_path(&self, device: u32, within: &Path) -> Option<PathBuf> {
        match &self.superblocks.get(&device)?.place {
            Place::Whole(mount_point) => Some(joined(mount_point, within.strip_prefix("/").ok()?)),
            Place::Parts(parts) => parts.iter().find_map(|(root, mount_point)| {
                Some(joined(mount_point, within.strip_prefix(root).ok()?))
            }),
        }
    }
}

/// A superblock that has a name, and is left out all the same.
pub(super) fn left_out(device: u32, named: &Named, why: Why) -> LeftOut {
    let mount_point = match &named.place {
        Place::Whole(mount_point) => mount_point.clone(),
        Place::Parts(parts) => parts.first().map(|it| it.1.clone()).unwrap_or_default(),
    };
    LeftOut {
        device,
        mount_point,
        why,
        is_a_users: named.is_a_users,
    }
}

impl Place {
    /// Components of the longest path.
    fn depth(&self) -> u64 {
        let components = |path: &PathBuf| path.components().skip(1).count() as u64;
        match self {
            Self::Whole(mount_point) => components(mount_point),
            Self::Parts(parts) => parts
                .iter()
                .map(|(root, mount_point)| components(root).max(components(mount_point)))
                .max()
                .unwrap_or_default(),
        }
    }
}

/// A path and what follows, without a slash behind it if nothing follows.
pub(super) fn joined(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        path.to_owned()
    } else {
        path.join(rest)
    }
}

/// The parts that lie in no other; of two mounts of one part the earlier.
fn outermost(mounts: &[&Mount]) -> Vec<(PathBuf, PathBuf)> {
    let mut all: BTreeMap<&Path, &Path> = BTreeMap::new();
    for mount in mounts {
        if let Some(root) = &mount.root {
            all.entry(root).or_insert(&mount.mount_point);
        }
    }
    all.iter()
        .filter(|(root, _)| {
            let mut outer = root.ancestors().skip(1);
            !outer.any(|it| all.contains_key(it))
        })
        .map(|(root, mount_point)| (root.to_path_buf(), mount_point.to_path_buf()))
        .collect()
}
