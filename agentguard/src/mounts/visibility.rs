//! Which mounts can be reached by a path: those that nothing is mounted over.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::Mount;

/// Indexes of the mounts that their own mount point leads to, in ascending order. `None` if no mount
/// is the root.
///
/// A path leads from the root to one mount after another. On its way through a mount it crosses to the
/// first child whose mount point it comes to, so a child that is mounted nearer to the root hides its
/// siblings beneath, whichever was mounted first. Only the root itself is not crossed: what is
/// mounted over `/` is not where processes are that have `/` as their root.
pub(super) fn visible(mounts: &[Mount]) -> Option<Vec<usize>> {
    let ids: HashSet<u64> = mounts.iter().map(|mount| mount.id).collect();
    let root = mounts.iter().position(|mount| {
        mount.mount_point == Path::new("/")
            && (mount.parent == mount.id || !ids.contains(&mount.parent))
    })?;
    let mut children: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, mount) in mounts.iter().enumerate() {
        if index != root && mount.parent != mount.id {
            children.entry(mount.parent).or_default().push(index);
        }
    }
    let mut visible = Vec::new();
    let mut reached = vec![root];
    while let Some(index) = reached.pop() {
        let mount = &mounts[index];
        // Taken out: a table that was read while it changed could have a circle.
        let mut children = children.remove(&mount.id).unwrap_or_default();
        if index == root {
            children.retain(|&child| mounts[child].mount_point != mount.mount_point);
        }
        // Of two at one place the later one is on top.
        let places: HashMap<&Path, usize> = children
            .iter()
            .map(|&child| (mounts[child].mount_point.as_path(), child))
            .collect();
        let hides = |path: &Path| places.contains_key(path) && path.starts_with(&mount.mount_point);
        reached.extend(places.iter().filter_map(|(path, child)| {
            let hidden = path.ancestors().skip(1).any(hides);
            (!hidden && path.starts_with(&mount.mount_point)).then_some(*child)
        }));
        if !hides(&mount.mount_point) {
            visible.push(index);
        }
    }
    visible.sort_unstable();
    Some(visible)
}
