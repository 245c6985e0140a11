//! A cgroup is made: it inherits its parent's tag, or begins an instance if it was declared.
//!
//! The kernel calls the tracepoint under its cgroup lock and before the directory can be seen
//! (`cgroup_mkdir` in `kernel/cgroup/cgroup.c`: `TRACE_CGROUP_PATH`, then `kernfs_activate`), so no
//! process is ever in a cgroup that should have a tag and has none.

use agentguard_common::{
    identity::{Tag, untagged},
    limits::{MAX_CGROUP_PATH, MAX_UNIT_NAME},
};
use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel_str, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};

use super::{instance, tag};
use crate::{
    atomic::add_one,
    kernel::Cgroup,
    maps::{INSTANCES, PATHS, SLICES, TAGS, UNITS, UNTAGGED},
};

#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: BtfTracePointContext) -> i32 {
    let cgroup = Cgroup::new(ctx.arg(0));
    if !cgroup.is_v2() {
        return 0;
    }
    let id = cgroup.id();
    // A tag is not shed: what an agent makes is the agent's, whatever it is called.
    let Some(parent) = cgroup.parent_id() else {
        return 0;
    };
    let tag = match tag(parent) {
        Some(tag) => tag,
        None => match by_path(ctx.arg(1)).or_else(|| by_unit(cgroup, parent, id)) {
            Some(agent) => {
                let tag = Tag {
                    instance: id,
                    agent,
                    reserved: 0,
                };
                // There is room for every instance that can be; if there is none after all, the tag
                // confines it, and failing that it is counted as lost below.
                let _ = INSTANCES.insert(&id, &tag, 0);
                tag
            }
            None => return 0,
        },
    };
    if TAGS.insert(&id, &tag, 0).is_err() {
        count(untagged::MADE);
        if instance(tag.instance).is_none() {
            count(untagged::LOST);
        }
    }
    0
}

#[inline(always)]
fn count(what: u32) {
    if let Some(count) = UNTAGGED.get_ptr_mut(what) {
        // SAFETY: the pointer is to a map value, which only this program changes, atomically.
        unsafe { add_one(count) };
    }
}

// The keys would not fit on one stack frame beside each other.

/// The agent that declared the cgroup's path, a string of the kernel's.
#[inline(never)]
fn by_path(path: *const u8) -> Option<u32> {
    let mut key = [0_u8; MAX_CGROUP_PATH];
    read(&mut key, path)?;
    // SAFETY: the value is read at once.
    unsafe { PATHS.get(&key) }.copied()
}

/// The agent that declared the cgroup as a unit. A unit of the system's manager lies beneath slices
/// only, so `/system.slice/x.service` is the unit `x.service`, and a cgroup of that name in a
/// user's session is not.
#[inline(never)]
fn by_unit(cgroup: Cgroup, parent: u64, id: u64) -> Option<u32> {
    // SAFETY: the value is not read.
    unsafe { SLICES.get(&parent) }?;
    let mut key = [0_u8; MAX_UNIT_NAME];
    let name = cgroup.name();
    let length = read(&mut key, name)?;
    // SAFETY: the value is read at once.
    if let Some(agent) = unsafe { UNITS.get(&key) } {
        return Some(*agent);
    }
    if ends_with_slice(name, length) {
        // A unit in a slice that finds no room would not be known; there is room for more slices
        // than a host has.
        let _ = SLICES.insert(&id, &0, 0);
    }
    None
}

#[inline(always)]
fn ends_with_slice(name: *const u8, length: usize) -> bool {
    const SUFFIX: [u8; 8] = *b".slice\0\0";
    let mut end = [0_u8; 8];
    // SAFETY: the destination has eight bytes; the helper checks the source.
    let read = unsafe {
        bpf_probe_read_kernel_str(
            end.as_mut_ptr().cast(),
            8,
            name.wrapping_add(length).wrapping_sub(6).cast(),
        )
    };
    length > 6 && read == 7 && u64::from_ne_bytes(end) == u64::from_ne_bytes(SUFFIX)
}

/// Copies a string and returns its length, or `None` if it does not fit with its NUL.
#[inline(always)]
fn read<const N: usize>(into: &mut [u8; N], string: *const u8) -> Option<usize> {
    // SAFETY: the destination has N bytes; the helper checks the source.
    let length =
        unsafe { bpf_probe_read_kernel_str(into.as_mut_ptr().cast(), N as u32, string.cast()) };
    // The helper cuts what is too long to N bytes with the NUL.
    if length <= 0 || length >= N as i64 {
        return None;
    }
    Some(length as usize - 1)
}
