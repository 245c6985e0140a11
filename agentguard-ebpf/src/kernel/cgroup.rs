//! `struct cgroup`.

use core::ptr;

use super::OFFSETS;

/// A `struct cgroup`.
#[derive(Clone, Copy)]
pub struct Cgroup(*const u8);

impl Cgroup {
    /// Wraps a pointer that the kernel passed as a `struct cgroup *`.
    #[inline(always)]
    pub fn new(cgroup: *const u8) -> Self {
        Self(cgroup)
    }

    /// Its id, the inode number of its directory.
    #[inline(always)]
    pub fn id(self) -> u64 {
        let node = member!(self.0, cgroup_kn as *const u8);
        member!(node, kernfs_node_id as u64)
    }

    /// Its name, the last component of its path: a string of the kernel's.
    #[inline(always)]
    pub fn name(self) -> *const u8 {
        let node = member!(self.0, cgroup_kn as *const u8);
        member!(node, kernfs_node_name as *const u8)
    }

    /// Whether it is in the v2 hierarchy. Ids of different hierarchies overlap.
    #[inline(always)]
    pub fn is_v2(self) -> bool {
        let root = member!(self.0, cgroup_root as *const u8);
        member!(root, cgroup_root_hierarchy_id as i32) == 0
    }

    /// The id of its parent, or `None` for the root.
    #[inline(always)]
    pub fn parent_id(self) -> Option<u64> {
        self.parent().map(Self::id)
    }

    /// Its parent, or `None` for the root.
    #[inline(always)]
    pub fn parent(self) -> Option<Self> {
        // SAFETY: as in `member!`; `self` is embedded.
        let offset = unsafe { ptr::read_volatile(&raw const OFFSETS.cgroup_self) } as usize;
        let css = self.0.wrapping_byte_add(offset);
        let parent = member!(css, css_parent as *const u8);
        if parent.is_null() {
            return None;
        }
        // A cgroup's own css points back to it (`init_cgroup_housekeeping`).
        Some(Self(member!(parent, css_cgroup as *const u8)))
    }
}
