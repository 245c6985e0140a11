//! `struct sk_buff`.

/// A `struct sk_buff`: what is sent, copied from who sends it.
#[derive(Clone, Copy)]
pub struct SocketBuffer(*const u8);

impl SocketBuffer {
    /// Wraps a pointer that the kernel passed as a `struct sk_buff *`.
    #[inline(always)]
    pub fn new(buffer: *const u8) -> Self {
        Self(buffer)
    }

    /// Where its first byte is.
    #[inline(always)]
    pub fn data(self) -> u64 {
        lsm_member!(self.0, buffer_data as u64)
    }

    /// Its length in bytes.
    #[inline(always)]
    pub fn length(self) -> u32 {
        lsm_member!(self.0, buffer_length as u32)
    }
}
