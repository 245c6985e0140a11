//! Tags that tasks keep wherever they go.
//!
//! A task is an agent's because its cgroup is. It can be moved to another one, by itself or by somebody
//! else, so its tag is also kept with the task: from its birth, or from the moment that it comes into an
//! agent's cgroup. The hooks look there once any task was seen to leave.

use agentguard_common::identity::Tag;
use aya_ebpf::{btf_maps::Array, macros::btf_map};

use super::{Owner, manager, tag};
use crate::{atomic::add_one, kernel::Task, task_storage::TaskStorage};

/// Whose a task is, for good. All zeros is nobody's: no instance has the number 0.
#[btf_map]
static TASK_TAGS: TaskStorage<Tag> = TaskStorage::NEW;

/// How many tasks have left the cgroups of their agents since the programs were loaded.
#[btf_map]
static STRAYS: Array<u64, 1> = Array::new();

/// How many tasks have run the manager's program in agents' cgroups since the programs were loaded.
#[btf_map]
static PREPARED: Array<u64, 1> = Array::new();

/// Whose a task is, if that was noted.
#[inline(always)]
pub fn noted(task: Task) -> Option<Tag> {
    let value = TASK_TAGS.get(task)?;
    // SAFETY: the value lives as long as the task; a tag is written once, but for its instance.
    let tag = unsafe { *value };
    (tag.instance != 0).then_some(tag)
}

/// Notes whose a task is. `false` if there is no memory.
#[inline(always)]
pub fn note(task: Task, tag: Tag) -> bool {
    let Some(value) = TASK_TAGS.get_or_make(task) else {
        return false;
    };
    // SAFETY: as above. The agent first: with an instance the value counts.
    unsafe {
        (&raw mut (*value).agent).write_volatile(tag.agent);
        (&raw mut (*value).reserved).write_volatile(tag.reserved);
        (&raw mut (*value).instance).write_volatile(tag.instance);
    }
    true
}

/// Whether a task is an agent's by its cgroup, and not what the agent runs yet
/// ([`ENTERING`](agentguard_common::identity::ENTERING), [`PREPARING`](agentguard_common::identity::PREPARING)).
#[inline(always)]
pub fn is_entering(task: Task) -> bool {
    // Most agents' tasks have executed something, and many hosts have a manager that has no program for it.
    (task.runs_its_parents_program() || was_any_prepared()) && is_at_a_stage(task)
}

/// A function of its own, for what is rarely needed.
#[inline(never)]
fn is_at_a_stage(task: Task) -> bool {
    let reserved = match noted(task) {
        // Its cgroup has been tagged just now, and the daemon has not come to its tasks.
        None => return manager::stage_of_resident(task) != 0,
        Some(tag) => tag.reserved,
    };
    // Either can be noted while it executes the next program, which is not told of that any more: so what it runs must be
    // the manager's, too.
    reserved != 0 && manager::is_before_the_agent(task)
}

/// Notes that a task has left.
#[inline(always)]
pub fn count_stray() {
    count(&STRAYS);
}

/// Whether any task has left. If that cannot be told, one has.
#[inline(always)]
pub fn are_there_strays() -> bool {
    was_counted(&STRAYS)
}

/// Notes that a task runs the manager's program.
#[inline(always)]
pub fn count_prepared() {
    count(&PREPARED);
}

#[inline(always)]
fn was_any_prepared() -> bool {
    was_counted(&PREPARED)
}

#[inline(always)]
fn count(counter: &Array<u64, 1>) {
    if let Some(number) = counter.get_ptr_mut(0) {
        // SAFETY: the pointer is to a map value, which is only changed atomically.
        unsafe { add_one(number) };
    }
}

#[inline(always)]
fn was_counted(counter: &Array<u64, 1>) -> bool {
    counter
        .get(0)
        // SAFETY: the reference is valid.
        .is_none_or(|number| unsafe { core::ptr::read_volatile(number) } != 0)
}

/// The agent whose the running task is wherever it is, or else whose its cgroup is.
#[inline(never)]
pub fn despite(cgroup: u64, by_cgroup: &mut Tag) -> bool {
    match noted(Task::current()) {
        Some(tag) if tag.agent != by_cgroup.agent || by_cgroup.instance == 0 => {
            *by_cgroup = tag;
            cgroup != 0
        }
        _ => false,
    }
}

/// Whose another task is: as noted, or else as its cgroup says.
#[inline(always)]
pub fn of(task: Task) -> Option<Tag> {
    noted(task).or_else(|| tag(task.cgroup()))
}

/// Whether a task is the same agent's. Who prepares a service is the manager's.
#[inline(always)]
pub fn is_same_agent(owner: &Owner, task: Task) -> bool {
    of(task).is_some_and(|tag| tag.agent == owner.tag.agent) && !is_entering(task)
}
