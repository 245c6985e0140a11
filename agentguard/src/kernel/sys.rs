//! The calls of `bpf(2)` that aya does not offer.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

const BPF_MAP_UPDATE_ELEM: i64 = 2;
const BPF_MAP_DELETE_ELEM: i64 = 3;
const BPF_MAP_UPDATE_BATCH: i64 = 26;

/// The element part of `union bpf_attr`.
#[repr(C)]
struct Element {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// The batch part of `union bpf_attr`.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

fn bpf<T>(command: i64, attributes: &mut T) -> io::Result<()> {
    // SAFETY: the attributes have the layout that the command reads, and point to live memory of
    // the map's key and value sizes, which the callers below see to.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// Puts the map `inner` at `index` of an array of maps. The kernel waits until no program runs that
/// could still see what was there before (`maybe_wait_bpf_programs`).
pub(super) fn set_inner_map(
    outer: BorrowedFd<'_>,
    index: u32,
    inner: BorrowedFd<'_>,
) -> io::Result<()> {
    let value = raw(inner);
    bpf(
        BPF_MAP_UPDATE_ELEM,
        &mut Element {
            map_fd: raw(outer),
            padding: 0,
            key: (&raw const index).addr() as u64,
            value: (&raw const value).addr() as u64,
            flags: 0,
        },
    )
}

/// Takes the map at `index` out of an array of maps.
pub(super) fn clear_inner_map(outer: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    bpf(
        BPF_MAP_DELETE_ELEM,
        &mut Element {
            map_fd: raw(outer),
            padding: 0,
            key: (&raw const index).addr() as u64,
            value: 0,
            flags: 0,
        },
    )
}

/// Writes the elements of an array from its first on, in one call (Linux 5.6).
///
/// `T` must have the map's value size, or the kernel would read beyond the slice.
pub(super) fn fill_array<T: aya::Pod>(array: BorrowedFd<'_>, values: &[T]) -> io::Result<()> {
    let count = u32::try_from(values.len()).map_err(io::Error::other)?;
    let keys: Vec<u32> = (0..count).collect();
    let mut batch = Batch {
        in_batch: 0,
        out_batch: 0,
        keys: keys.as_ptr().addr() as u64,
        values: values.as_ptr().addr() as u64,
        count,
        map_fd: raw(array),
        elem_flags: 0,
        flags: 0,
    };
    bpf(BPF_MAP_UPDATE_BATCH, &mut batch)?;
    if batch.count != count {
        return Err(io::Error::other("the kernel wrote only a part of the rows"));
    }
    Ok(())
}

/// Waits until every program that runs now has ended (`membarrier(MEMBARRIER_CMD_GLOBAL)`, which
/// is `synchronize_rcu`).
pub(super) fn wait_for_programs() -> io::Result<()> {
    const MEMBARRIER_CMD_GLOBAL: i32 = 1;
    // SAFETY: the call takes no pointers.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
