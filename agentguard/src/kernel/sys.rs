//! The calls of `bpf(2)` that aya does not offer.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use aya_obj::generated::{
    bpf_attach_type::{BPF_LSM_MAC, BPF_TRACE_ITER},
    bpf_attr, bpf_attr__bindgen_ty_1, bpf_attr__bindgen_ty_4, bpf_map_info,
    bpf_prog_type::BPF_PROG_TYPE_LSM,
};

use super::bank_types::BankTypes;

const BPF_MAP_CREATE: i64 = 0;
const BPF_PROG_LOAD: i64 = 5;
const BPF_OBJ_GET_INFO_BY_FD: i64 = 15;
const BPF_RAW_TRACEPOINT_OPEN: i64 = 17;
const BPF_BTF_LOAD: i64 = 18;
const BPF_LINK_CREATE: i64 = 28;
const BPF_ITER_CREATE: i64 = 33;

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
    input: u64,
    output: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// The information part of `union bpf_attr`.
#[repr(C)]
struct Info {
    fd: u32,
    length: u32,
    address: u64,
}

/// A command that makes a descriptor.
fn bpf_fd<T>(command: i64, attributes: &mut T) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel just made the descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf<T>(command: i64, attributes: &mut T) -> io::Result<i64> {
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
    Ok(result)
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// Makes a map like another, with these types and room for `entries`.
pub(super) fn create_like(
    template: BorrowedFd<'_>,
    types: &BankTypes,
    entries: u32,
) -> io::Result<OwnedFd> {
    let info = map_info(template)?;
    // SAFETY: a union of integers; zeros are a value of it.
    let mut attributes: bpf_attr = unsafe { std::mem::zeroed() };
    attributes.__bindgen_anon_1 = bpf_attr__bindgen_ty_1 {
        map_type: info.type_,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: entries,
        map_flags: info.map_flags,
        map_name: info.name,
        btf_fd: raw(types.btf()),
        btf_key_type_id: types.key(),
        btf_value_type_id: BankTypes::VALUE,
        // SAFETY: as above.
        ..unsafe { std::mem::zeroed() }
    };
    bpf_fd(BPF_MAP_CREATE, &mut attributes)
}

/// The sizes of a map's keys and values, in bytes.
pub(super) fn sizes(map: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
    map_info(map).map(|info| (info.key_size, info.value_size))
}

fn map_info(map: BorrowedFd<'_>) -> io::Result<bpf_map_info> {
    // SAFETY: integers only; zeros are a value of it.
    let mut info: bpf_map_info = unsafe { std::mem::zeroed() };
    bpf(
        BPF_OBJ_GET_INFO_BY_FD,
        &mut Info {
            fd: raw(map),
            length: u32::try_from(size_of::<bpf_map_info>()).map_err(io::Error::other)?,
            address: (&raw mut info).addr() as u64,
        },
    )?;
    Ok(info)
}

/// Tells the kernel types, in the format of BTF.
pub(super) fn load_btf(types: &[u8]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Load {
        types: u64,
        log: u64,
        size: u32,
        log_size: u32,
        log_level: u32,
        padding: u32,
    }
    bpf_fd(
        BPF_BTF_LOAD,
        &mut Load {
            types: types.as_ptr().addr() as u64,
            log: 0,
            size: u32::try_from(types.len()).map_err(io::Error::other)?,
            log_size: 0,
            log_level: 0,
            padding: 0,
        },
    )
}

/// Loads a program that permits everything on a security hook, given by the id of its type, and
/// attaches it for a moment.
pub(super) fn try_lsm(hook: u32) -> io::Result<()> {
    #[repr(C)]
    struct Attach {
        name: u64,
        prog_fd: u32,
        padding: u32,
    }
    const fn instruction(code: u8) -> u64 {
        u64::from_ne_bytes([code, 0, 0, 0, 0, 0, 0, 0])
    }
    // `BPF_ALU64 | BPF_MOV | BPF_K`, which makes r0 zero, and `BPF_JMP | BPF_EXIT`.
    let program = [instruction(0xb7), instruction(0x95)];
    // SAFETY: a union of integers; zeros are a value of it.
    let mut attributes: bpf_attr = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut load: bpf_attr__bindgen_ty_4 = unsafe { std::mem::zeroed() };
    load.prog_type = BPF_PROG_TYPE_LSM as u32;
    load.expected_attach_type = BPF_LSM_MAC as u32;
    load.attach_btf_id = hook;
    load.insns = program.as_ptr().addr() as u64;
    load.insn_cnt = 2;
    // The kernel takes no other for these (`bpf_lsm_verify_prog`).
    load.license = c"Dual MIT/GPL".as_ptr().addr() as u64;
    attributes.__bindgen_anon_3 = load;
    let program = bpf_fd(BPF_PROG_LOAD, &mut attributes)?;
    bpf_fd(
        BPF_RAW_TRACEPOINT_OPEN,
        &mut Attach {
            name: 0,
            prog_fd: raw(program.as_fd()),
            padding: 0,
        },
    )
    .map(drop)
}

/// Runs a program on an iterator over tasks for one process (Linux 6.1), until it is done.
pub(super) fn iterate_over(program: BorrowedFd<'_>, process: u32) -> io::Result<()> {
    #[repr(C)]
    struct Create {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        info: u64,
        info_length: u32,
        padding: u32,
    }
    #[repr(C)]
    struct Iterate {
        link_fd: u32,
        flags: u32,
    }
    /// The task part of `union bpf_iter_link_info`, at its full size.
    #[repr(C)]
    struct Tasks {
        thread: u32,
        process: u32,
        pidfd: u32,
        padding: u32,
    }
    let tasks = Tasks {
        thread: 0,
        process,
        pidfd: 0,
        padding: 0,
    };
    let link = bpf_fd(
        BPF_LINK_CREATE,
        &mut Create {
            prog_fd: raw(program),
            target_fd: 0,
            attach_type: BPF_TRACE_ITER as u32,
            flags: 0,
            info: (&raw const tasks).addr() as u64,
            info_length: u32::try_from(size_of::<Tasks>()).map_err(io::Error::other)?,
            padding: 0,
        },
    )?;
    let iteration = bpf_fd(
        BPF_ITER_CREATE,
        &mut Iterate {
            link_fd: raw(link.as_fd()),
            flags: 0,
        },
    )?;
    let mut nothing = Vec::new();
    File::from(iteration).read_to_end(&mut nothing).map(drop)
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
    )?;
    Ok(())
}

/// What there must be of an element before it is written.
#[derive(Clone, Copy)]
pub(super) enum Existing {
    /// Nothing.
    No = 1,
    /// Another value.
    Yes = 2,
}

/// Writes an element. `K` and `V` must have the sizes of the map's keys and values.
pub(super) fn write<K: aya::Pod, V: aya::Pod>(
    map: BorrowedFd<'_>,
    key: &K,
    value: &V,
    existing: Existing,
) -> io::Result<()> {
    bpf(
        BPF_MAP_UPDATE_ELEM,
        &mut Element {
            map_fd: raw(map),
            padding: 0,
            key: std::ptr::from_ref(key).addr() as u64,
            value: std::ptr::from_ref(value).addr() as u64,
            flags: existing as u64,
        },
    )
    .map(drop)
}

/// Removes an element; `false` if there is none. `K` must have the size of the map's keys.
pub(super) fn remove<K: aya::Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<bool> {
    let mut element = Element {
        map_fd: raw(map),
        padding: 0,
        key: std::ptr::from_ref(key).addr() as u64,
        value: 0,
        flags: 0,
    };
    match bpf(BPF_MAP_DELETE_ELEM, &mut element) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        result => result.map(|_| true),
    }
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
    )?;
    Ok(())
}

/// Writes elements of an array from index `first` on, in one call (Linux 5.6).
///
/// `T` must have the map's value size, or the kernel would read beyond the slice.
pub(super) fn fill_array<T: aya::Pod>(
    array: BorrowedFd<'_>,
    first: u32,
    values: &[T],
) -> io::Result<()> {
    let count = u32::try_from(values.len()).map_err(io::Error::other)?;
    let keys: Vec<u32> = (first..first + count).collect();
    let mut batch = Batch {
        input: 0,
        output: 0,
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

/// The version of Landlock's ABI that the running kernel has, from 1 on.
///
/// `ENOSYS` if the kernel is built without Landlock, `EOPNOTSUPP` if it was not enabled at boot
/// (`security/landlock/syscalls.c`).
pub(super) fn landlock_abi() -> io::Result<u32> {
    const LANDLOCK_CREATE_RULESET_VERSION: u32 = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call takes no attributes, and makes nothing.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            none,
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    if version < 0 {
        return Err(io::Error::last_os_error());
    }
    u32::try_from(version).map_err(io::Error::other)
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
