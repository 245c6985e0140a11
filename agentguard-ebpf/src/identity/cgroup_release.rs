//! A cgroup is let go: nothing refers to it any more, its sockets included, so its tag can go.
//!
//! Its removal (`cgroup_rmdir`) would be too early for the tag: a socket that was passed on outlives
//! the directory, and still sends.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use crate::{
    kernel::Cgroup,
    maps::{SLICES, TAGS},
};

#[btf_tracepoint(function = "cgroup_release")]
pub fn cgroup_release(ctx: BtfTracePointContext) -> i32 {
    let cgroup = Cgroup::new(ctx.arg(0));
    if cgroup.is_v2() {
        // Most cgroups have no tag: that there is none to remove is no error.
        let id = cgroup.id();
        let _ = TAGS.remove(&id);
        let _ = SLICES.remove(&id);
    }
    0
}
