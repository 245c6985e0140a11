//! Whose the cgroups are that were looked up before, and that some are nobody's.
//!
//! The id of a cgroup is never used again, and a cgroup that is made has its tag before anything can
//! be in it. So what was looked up stays true until the daemon changes the tag of a cgroup that
//! exists, and it counts each time that it has.

use agentguard_common::identity::Tag;

use crate::{
    maps::{ENROLMENTS, KNOWN, KNOWN_ENTRIES},
    memo,
};

/// How often the daemon had changed tags when a look-up began.
#[derive(Clone, Copy)]
pub struct Moment(u64);

/// What is known of a cgroup.
pub enum Known {
    /// It is an agent's, or nobody's.
    Tag(Option<Tag>),
    /// Nothing: it must be looked up, and what is found is as of that moment.
    Nothing(Moment),
}

/// What is known of a cgroup.
#[inline(always)]
pub fn recall(cgroup: u64) -> Known {
    let Some(enrolments) = ENROLMENTS.get(0) else {
        return Known::Nothing(Moment(u64::MAX));
    };
    // SAFETY: the reference is valid. This is read before the tables are, so that what is found
    // while the daemon changes them is not taken for later.
    let now = unsafe { core::ptr::read_volatile(enrolments) };
    let Some(entry) = KNOWN.get_ptr(index(cgroup)) else {
        return Known::Nothing(Moment(now));
    };
    // SAFETY: the pointer is to this CPU's value.
    match unsafe { memo::read(entry) } {
        Some([known, then, instance, owner]) if (known ^ cgroup) | (then ^ now) == 0 => {
            Known::Tag(owner.checked_sub(1).map(|agent| Tag {
                instance,
                agent: agent as u32,
                reserved: 0,
            }))
        }
        _ => Known::Nothing(Moment(now)),
    }
}

/// Remembers what was found in the tag table.
#[inline(always)]
pub fn remember(cgroup: u64, moment: Moment, tag: Option<Tag>) {
    let (instance, owner) = tag.map_or((0, 0), |tag| (tag.instance, u64::from(tag.agent) + 1));
    if let Some(entry) = KNOWN.get_ptr_mut(index(cgroup)) {
        // SAFETY: the pointer is to this CPU's value.
        unsafe { memo::write(entry, [cgroup, moment.0, instance, owner]) };
    }
}

/// Ids are given in ascending order.
#[inline(always)]
fn index(cgroup: u64) -> u32 {
    cgroup as u32 & (KNOWN_ENTRIES - 1)
}
