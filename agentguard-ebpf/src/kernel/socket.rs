//! `struct sock`.

use super::Cgroup;

/// A `struct sock`.
#[derive(Clone, Copy)]
pub struct Socket(*const u8);

impl Socket {
    /// Wraps a pointer that the kernel passed as a `struct sock *` or a structure that begins with
    /// one.
    #[inline(always)]
    pub fn new(socket: *const u8) -> Self {
        Self(socket)
    }

    /// The v2 cgroup of the task that made it, or of its listener. The socket holds the cgroup.
    #[inline(always)]
    pub fn cgroup(self) -> Cgroup {
        Cgroup::new(member!(self.0, sock_cgroup as *const u8))
    }
}
