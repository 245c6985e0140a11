//! A cgroup is made: it inherits its parent's tag, or begins an instance if it was declared.
//!
//! The kernel calls the tracepoint under its cgroup lock and before the directory can be seen
//! (`cgroup_mkdir` in `kernel/cgroup/cgroup.c`: `TRACE_CGROUP_PATH`, then `kernfs_activate`), so no
//! process is ever in a cgroup that should have a tag and has none.

use agentguard_common::{
    identity::Tag,
    limits::{MAX_CGROUP_PATH, MAX_UNIT_NAME},
};
use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel_str, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};

use super::tag;
use crate::{
    atomic::add_one,
    kernel::Cgroup,
    maps::{INSTANCES, PATHS, TAGS, UNITS, UNTAGGED},
};

#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: BtfTracePointContext) -> i32 {
    let cgroup = Cgroup::new(ctx.arg(0));
    if !cgroup.is_v2() {
        return 0;
    }
    let id = cgroup.id();
    // A tag is not shed: what an agent makes is the agent's, whatever it is called.
    let inherited = cgroup.parent_id().and_then(tag);
    let tag = match inherited {
        Some(tag) => tag,
        None => match declared(ctx.arg(1)) {
            Some(agent) => {
                let tag = Tag {
                    instance: id,
                    agent,
                    reserved: 0,
                };
                // Cannot fail while there are fewer instances than the table holds; then the tag
                // table has it still.
                let _ = INSTANCES.insert(&id, &tag, 0);
                tag
            }
            None => return 0,
        },
    };
    if TAGS.insert(&id, &tag, 0).is_err()
        && let Some(count) = UNTAGGED.get_ptr_mut(0)
    {
        // SAFETY: the pointer is to a map value, and every access is atomic.
        unsafe { add_one(count) };
    }
    0
}

/// The agent that declared the cgroup at `path`, a string of the kernel's.
#[inline(always)]
fn declared(path: *const u8) -> Option<u32> {
    by_path(path).or_else(|| by_unit(path))
}

// The keys would not fit on one stack frame beside each other.
#[inline(never)]
fn by_path(path: *const u8) -> Option<u32> {
    let mut key = [0_u8; MAX_CGROUP_PATH];
    read(&mut key, path)?;
    // SAFETY: the value is read at once.
    unsafe { PATHS.get(&key) }.copied()
}

// A unit of the system's manager lies beneath slices only, so `/system.slice/x.service` is the unit
// `x.service`, and a cgroup of that name in a user's session is not.
#[inline(never)]
fn by_unit(path: *const u8) -> Option<u32> {
    let name = path.wrapping_add(unit_start(path)?);
    let mut key = [0_u8; MAX_UNIT_NAME];
    read(&mut key, name)?;
    // SAFETY: the value is read at once.
    unsafe { UNITS.get(&key) }.copied()
}

/// Where the last component of a path begins, if all the components before it are slices.
#[inline(never)]
fn unit_start(path: *const u8) -> Option<usize> {
    const SLICE: u64 = u64::from_be_bytes(*b"\0\0.slice");
    let mut text = [0_u8; MAX_CGROUP_PATH];
    let length = read(&mut text, path)?;
    let mut window = 0_u64;
    let mut start = 0;
    for (index, byte) in text.iter().enumerate() {
        if index >= length {
            break;
        }
        if *byte == b'/' {
            if index != 0 && window & 0xffff_ffff_ffff != SLICE {
                return None;
            }
            start = index + 1;
        }
        window = window << 8 | u64::from(*byte);
    }
    Some(start)
}

/// Copies a string and returns its length, or `None` if it does not fit with its NUL.
#[inline(always)]
fn read<const N: usize>(into: &mut [u8; N], string: *const u8) -> Option<usize> {
    // SAFETY: the destination has N bytes; the helper checks the source.
    let length = unsafe {
        bpf_probe_read_kernel_str(into.as_mut_ptr().cast(), N as u32, string.cast())
    };
    // The helper cuts what is too long to N bytes with the NUL.
    if length <= 0 || length >= N as i64 {
        return None;
    }
    Some(length as usize - 1)
}
