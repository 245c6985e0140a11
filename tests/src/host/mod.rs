//! What a scenario makes on the real host: cgroups, a directory, processes. All of it is removed
//! when its owner is dropped, and [`sweep`] removes what an owner could not.

pub mod cgroup;
mod fat;
pub mod process;
pub mod programs;
mod reads;
mod scratch;
mod sweep;
pub mod tool;
pub mod tree;

pub use fat::mount_fat;
pub use reads::Reads;
pub use scratch::{Scratch, keep};
pub use sweep::{Directories, directory_of, stale, sweep};
pub use tree::{Layout, Thing, Tree};

/// Whether this is an emulated machine, where times mean nothing.
pub fn is_emulated() -> bool {
    let name = std::fs::read_to_string("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
    name.contains("QEMU")
}

/// The name that everything made by this process bears.
pub fn own_name() -> String {
    name_of(std::process::id())
}

/// The name that everything made by a process of the suite bears.
pub fn name_of(pid: u32) -> String {
    format!("agtest-{pid}")
}
