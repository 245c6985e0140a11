//! What the verifier had better not know.
//!
//! It follows every way through a program, and takes two of them for one as soon as it knows no more
//! on one than on the other. What it knows of a value that nothing needs (bounds, that two registers
//! have the same) keeps them apart, each to the end of the program.

use core::ptr;

use aya_ebpf::{cty::c_void, helpers::generated::bpf_probe_read_kernel};

/// The same number, of which the verifier knows nothing: it has been in a part of a stack slot, and
/// of those it keeps no value (`check_stack_write_fixed_off` in `kernel/bpf/verifier.c`).
#[inline(always)]
pub fn forget(number: u32) -> u32 {
    #[repr(C, align(8))]
    struct Slot([u32; 2]);
    let mut slot = Slot([0; 2]);
    let half = &raw mut slot.0[1];
    // SAFETY: the place is valid, and holds what was written.
    unsafe {
        half.write_volatile(number);
        half.read_volatile()
    }
}

/// As [`forget`].
#[inline(always)]
pub fn forget_wide(number: u64) -> u64 {
    u64::from(forget(number as u32)) | u64::from(forget((number >> 32) as u32)) << 32
}

/// As [`forget`], of all that a value holds, in place. `false` is an error that cannot be: the
/// verifier knows nothing of what a helper writes, and this one writes what was there (Linux 5.5).
#[inline(always)]
pub fn forget_all<T: Copy>(value: &mut T) -> bool {
    let place: *mut c_void = ptr::from_mut(value).cast();
    // SAFETY: the place has that size, and every byte of it stays as it is.
    unsafe { bpf_probe_read_kernel(place, size_of::<T>() as u32, place) == 0 }
}
