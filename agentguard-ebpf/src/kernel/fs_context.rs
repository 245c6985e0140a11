//! `struct fs_context`.

/// A `struct fs_context`: a file system that is being configured.
#[derive(Clone, Copy)]
pub struct FsContext(*const u8);

impl FsContext {
    /// Wraps a pointer that the kernel passed as a `struct fs_context *`.
    #[inline(always)]
    pub fn new(context: *const u8) -> Self {
        Self(context)
    }

    /// Whether it has a log: `fsopen(2)` and `fspick(2)` give it one (`fscontext_alloc_log` in `fs/fsopen.c`).
    #[inline(always)]
    pub fn has_log(self) -> bool {
        !lsm_member!(self.0, context_log as *const u8).is_null()
    }
}
