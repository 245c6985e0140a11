//! Task storage, a kind of map that aya has no type for (Linux 5.11).

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, BPF_LOCAL_STORAGE_GET_F_CREATE, bpf_map_type},
    helpers::generated::bpf_task_storage_get,
};

use crate::kernel::Task;

/// A value for each task that has one, for as long as it lives.
#[repr(C)]
pub struct TaskStorage<T> {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_TASK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; BPF_F_NO_PREALLOC as usize],
}

// SAFETY: the members are types for the loader, and are never read.
unsafe impl<T> Sync for TaskStorage<T> {}

impl<T> TaskStorage<T> {
    /// A map.
    pub const NEW: Self = Self {
        r#type: ptr::null(),
        key: ptr::null(),
        value: ptr::null(),
        max_entries: ptr::null(),
        map_flags: ptr::null(),
    };

    /// The value of a task that the verifier knows, if it has one.
    #[inline(always)]
    pub fn get(&self, task: Task) -> Option<*mut T> {
        self.find(task, 0)
    }

    /// The value of a task that the verifier knows, all zeros if it was made just now. `None` if there is
    /// no memory.
    #[inline(always)]
    pub fn get_or_make(&self, task: Task) -> Option<*mut T> {
        self.find(task, u64::from(BPF_LOCAL_STORAGE_GET_F_CREATE))
    }

    #[inline(always)]
    fn find(&self, task: Task, flags: u64) -> Option<*mut T> {
        let map = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the map is a task storage of `T`; the verifier checks the task.
        let value =
            unsafe { bpf_task_storage_get(map, task.pointer().cast(), ptr::null_mut(), flags) };
        (!value.is_null()).then_some(value.cast())
    }
}
