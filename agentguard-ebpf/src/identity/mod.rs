//! Whose a process or a socket is.

mod attach_task;
mod cgroup_mkdir;
mod cgroup_release;
mod cgroup_rmdir;
mod fork;
mod known;
mod manager;
pub mod sticky;

use agentguard_common::{
    identity::{Tag, untagged},
    limits::MAX_CGROUP_DEPTH,
};
use aya_ebpf::{
    bindings::__sk_buff,
    helpers::generated::{
        bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id, bpf_skb_ancestor_cgroup_id,
        bpf_skb_cgroup_id,
    },
};

use self::known::Known;
use crate::{
    kernel::{Cgroup, File, Task},
    maps::{INSTANCES, TAGS, UNTAGGED},
    verifier,
};

/// Who it is: the cgroup, and the tag that it carries.
#[derive(Clone, Copy)]
pub struct Owner {
    /// Cgroup id.
    pub cgroup: u64,
    /// Its tag.
    pub tag: Tag,
}

/// The agent of the task that runs now, or `None` if it is no agent's.
#[inline(always)]
pub fn current() -> Option<Owner> {
    // SAFETY: the helper has no preconditions (Linux 4.18).
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    owner(cgroup, inherited_by_task)
}

/// As [`current`], and also if it has left the cgroups of its agent: for what needs not be in a cgroup to be
/// asked.
#[inline(always)]
pub fn task() -> Option<Owner> {
    let owner = task_or_entering();
    if owner.is_some() && sticky::is_entering(Task::current()) {
        return None;
    }
    owner
}

/// Who executes a file. As [`task`], and also what prepares a service: what that executes is the agent's, unless it is
/// a program of the manager's own.
#[inline(always)]
pub fn executes(file: File) -> Option<Owner> {
    let owner = task_or_entering()?;
    if manager::is_starting_its_own(Task::current(), file) {
        return None;
    }
    Some(owner)
}

#[inline(always)]
fn task_or_entering() -> Option<Owner> {
    let owner = current();
    if !sticky::are_there_strays() {
        return owner;
    }
    // SAFETY: the helper has no preconditions (Linux 4.18).
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    let mut tag = owner.map_or(Tag::default(), |owner| owner.tag);
    if !sticky::despite(cgroup, &mut tag) {
        return owner;
    }
    let tag = Tag {
        instance: verifier::forget_wide(tag.instance),
        agent: verifier::forget(tag.agent),
        reserved: 0,
    };
    Some(Owner { cgroup, tag })
}

/// The agent whose socket sends a packet, or `None` if it is no agent's.
#[inline(always)]
pub fn sender(skb: *mut __sk_buff) -> Option<Owner> {
    // SAFETY: the pointer is the program's context.
    let cgroup = unsafe { bpf_skb_cgroup_id(skb) };
    owner(cgroup, || inherited_by_socket(skb))
}

/// Whose a cgroup is. `ancestor` finds the one at which the instance begins.
#[inline(always)]
fn owner(cgroup: u64, ancestor: impl Fn() -> Option<u64>) -> Option<Owner> {
    let tag = match known::recall(cgroup) {
        Known::Tag(tag) => tag?,
        Known::Nothing(moment) => {
            // Asked first: the daemon tags what had no room before it says that there is room again,
            // so a tag that is not found after that was never missing.
            let is_short = is_table_short();
            match tag(cgroup) {
                Some(tag) => {
                    known::remember(cgroup, moment, Some(tag));
                    tag
                }
                None if is_short => instance(ancestor()?)?,
                None => {
                    known::remember(cgroup, moment, None);
                    return None;
                }
            }
        }
    };
    // What follows is verified once, not once for each way to get here.
    let tag = Tag {
        instance: verifier::forget_wide(tag.instance),
        agent: verifier::forget(tag.agent),
        reserved: 0,
    };
    Some(Owner { cgroup, tag })
}

/// The agent whose a cgroup is, or `None` if it is no agent's.
#[inline(always)]
pub fn of(cgroup: Cgroup) -> Option<Tag> {
    if let Some(tag) = tag(cgroup.id()) {
        return Some(tag);
    }
    inherited_by_cgroup(cgroup)
}

#[inline(always)]
fn tag(cgroup: u64) -> Option<Tag> {
    // SAFETY: a tag is never changed, and is removed only when nothing can be in its cgroup.
    unsafe { TAGS.get(&cgroup) }.copied()
}

#[inline(always)]
fn instance(cgroup: u64) -> Option<Tag> {
    // SAFETY: as above.
    unsafe { INSTANCES.get(&cgroup) }.copied()
}

// Functions of their own, so that their loops are verified apart.

#[inline(never)]
fn inherited_by_task() -> Option<u64> {
    // SAFETY: the helper has no preconditions (Linux 5.6).
    inherited(|level| unsafe { bpf_get_current_ancestor_cgroup_id(level) })
}

#[inline(never)]
fn inherited_by_socket(skb: *mut __sk_buff) -> Option<u64> {
    // SAFETY: the pointer is the program's context.
    inherited(|level| unsafe { bpf_skb_ancestor_cgroup_id(skb, level) })
}

#[inline(never)]
fn inherited_by_cgroup(mut cgroup: Cgroup) -> Option<Tag> {
    if !is_table_short() {
        return None;
    }
    for _ in 0..MAX_CGROUP_DEPTH {
        if let Some(tag) = instance(cgroup.id()) {
            return Some(tag);
        }
        cgroup = cgroup.parent()?;
    }
    None
}

/// Whether some cgroup has no tag because the table was full.
#[inline(always)]
fn is_table_short() -> bool {
    UNTAGGED.get(untagged::MADE) != UNTAGGED.get(untagged::SETTLED)
}

/// The ancestor, or the cgroup itself, at which an instance begins. It costs a look-up a level, so
/// it is looked for only while the [table is short](is_table_short).
#[inline(always)]
fn inherited(ancestor: impl Fn(i32) -> u64) -> Option<u64> {
    for level in 1..=MAX_CGROUP_DEPTH {
        let cgroup = ancestor(level as i32);
        if cgroup == 0 {
            return None;
        }
        if instance(cgroup).is_some() {
            return Some(cgroup);
        }
    }
    None
}
