//! `struct iattr`.

/// `ATTR_SIZE`, `ATTR_ATIME` and `ATTR_MTIME` of `include/linux/fs.h`.
const SIZE: u32 = 1 << 3;
const ACCESS_TIME: u32 = 1 << 4;
const MODIFICATION_TIME: u32 = 1 << 5;

/// A `struct iattr`: what of a file is to be changed.
#[derive(Clone, Copy)]
pub struct Attributes(*const u8);

impl Attributes {
    /// Wraps a pointer that the kernel passed as a `struct iattr *`.
    #[inline(always)]
    pub fn new(attributes: *const u8) -> Self {
        Self(attributes)
    }

    /// Whether times are set by themselves: a truncation sets them, too.
    #[inline(always)]
    pub fn are_only_times(self) -> bool {
        let valid = lsm_member!(self.0, attributes_valid as u32);
        valid & (ACCESS_TIME | MODIFICATION_TIME) != 0 && valid & SIZE == 0
    }
}
