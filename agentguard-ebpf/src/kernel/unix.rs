//! `struct unix_sock`.

use core::ptr;

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_skc_to_unix_sock};

use super::{Dentry, Socket};
use crate::verifier;

/// Bytes of `sun_family`, which a name begins with.
const FAMILY: usize = 2;
/// Bytes of `sun_path`.
const NAME: u32 = 108;

/// A `struct unix_sock`.
#[derive(Clone, Copy)]
pub struct UnixSocket(*const u8);

impl UnixSocket {
    /// The Unix socket that a socket is; `None` if it is none.
    #[inline(always)]
    pub fn of(socket: Socket) -> Option<Self> {
        // SAFETY: the verifier checks the pointer (Linux 5.16).
        let unix = unsafe { bpf_skc_to_unix_sock(socket.pointer().cast()) };
        (!unix.is_null()).then_some(Self(unix.cast()))
    }

    /// Its file, where it was bound; null if it was not bound to a path.
    #[inline(always)]
    pub fn dentry(self) -> Dentry {
        Dentry::new(lsm_member!(self.0, unix_dentry as *const u8))
    }

    /// What it is connected to; null if it is not.
    #[inline(always)]
    pub fn peer(self) -> Socket {
        Socket::new(lsm_member!(self.0, unix_peer as *const u8))
    }

    /// Copies its abstract name, with an `@` for the NUL that it begins with, and returns how many bytes it
    /// has. `None` if it has none.
    ///
    /// # Safety
    ///
    /// `into` must have room for 128 bytes.
    #[inline(always)]
    pub unsafe fn abstract_name(self, into: *mut u8) -> Option<u32> {
        let address = lsm_member!(self.0, unix_address as *const u8);
        if address.is_null() {
            return None;
        }
        let length = lsm_member!(address, unix_address_length as u32);
        let length = length.checked_sub(FAMILY as u32)?;
        if length == 0 || length > NAME {
            return None;
        }
        // SAFETY: as in `member!`.
        let offset =
            unsafe { ptr::read_volatile(&raw const super::LSM_OFFSETS.unix_address_name) } as usize;
        // SAFETY: the caller's promise; the helper checks the source.
        unsafe {
            let failed = bpf_probe_read_kernel(
                into.cast(),
                // The compiler knows that this changes nothing; the verifier does not.
                verifier::forget(length) & 0x7f,
                address.wrapping_byte_add(offset + FAMILY).cast(),
            );
            if failed != 0 || into.read_volatile() != 0 {
                return None;
            }
            into.write_volatile(b'@');
        }
        Some(length)
    }
}
