//! The kernel's count of renames: `rename_lock` in `fs/dcache.c`.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

/// Where `rename_lock` is. The daemon finds it in `/proc/kallsyms`.
#[unsafe(no_mangle)]
static RENAME_LOCK: u64 = 0;

/// The count. It is odd while a directory entry gets another name or another parent, and changes with
/// each that does (`__d_move`, `__d_unalias`), so names that were read while it was the same and even
/// belong together. `None` if it cannot be read.
#[inline(always)]
pub fn renames() -> Option<u32> {
    // SAFETY: the static is valid; the read is volatile because the value is set at load.
    let address = unsafe { ptr::read_volatile(&raw const RENAME_LOCK) };
    let mut count = 0_u32;
    // SAFETY: the destination has that size; the helper checks the source (Linux 5.5).
    let failed = unsafe {
        bpf_probe_read_kernel(
            (&raw mut count).cast(),
            size_of::<u32>() as u32,
            ptr::without_provenance(address as usize),
        )
    };
    (failed == 0).then_some(count)
}
