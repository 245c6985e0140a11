//! What belongs to a socket, as long as there is one.

use aya_ebpf::{
    bindings::{BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type},
    cty::c_void,
    helpers::generated::bpf_sk_storage_get,
};

/// A socket storage map, which aya's type cannot describe: it has no flags, nor values with a lock.
#[repr(C)]
pub struct SocketStorage<T, const FLAGS: usize> {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; FLAGS],
}

// SAFETY: the members are types for the loader, and are never read.
unsafe impl<T, const FLAGS: usize> Sync for SocketStorage<T, FLAGS> {}

impl<T, const FLAGS: usize> SocketStorage<T, FLAGS> {
    /// The map.
    pub const fn new() -> Self {
        Self {
            r#type: core::ptr::null(),
            key: core::ptr::null(),
            value: core::ptr::null(),
            max_entries: core::ptr::null(),
            map_flags: core::ptr::null(),
        }
    }

    /// The value of a socket, if it has one. `sk` is a socket pointer that the verifier knows.
    #[inline(always)]
    pub fn get(&self, sk: *mut c_void) -> Option<*mut T> {
        self.look_up(sk, 0)
    }

    /// The value of a socket, made of zeros if there is none. `None` if there is no memory.
    #[inline(always)]
    pub fn make(&self, sk: *mut c_void) -> Option<*mut T> {
        self.look_up(sk, u64::from(BPF_SK_STORAGE_GET_F_CREATE))
    }

    #[inline(always)]
    fn look_up(&self, sk: *mut c_void, flags: u64) -> Option<*mut T> {
        let map = core::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the map is a socket storage of `T`, and the verifier checks `sk`.
        let value = unsafe { bpf_sk_storage_get(map, sk, core::ptr::null_mut(), flags) };
        (!value.is_null()).then_some(value.cast())
    }
}
