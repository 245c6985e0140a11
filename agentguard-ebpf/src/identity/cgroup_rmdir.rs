//! A cgroup's directory is removed: no process and no cgroup is in it, so no instance is there.
//!
//! What is left of it are sockets that were passed on, whose tag stays until the last is gone
//! (`cgroup_release`). If they held the entry here too, an agent that leaks a socket each time it is
//! restarted could fill the table, and the next instance would have no room.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use crate::{kernel::Cgroup, maps::INSTANCES};

#[btf_tracepoint(function = "cgroup_rmdir")]
pub fn cgroup_rmdir(ctx: BtfTracePointContext) -> i32 {
    let cgroup = Cgroup::new(ctx.arg(0));
    if cgroup.is_v2() {
        // Few cgroups begin an instance: that there is none to remove is no error.
        let _ = INSTANCES.remove(&cgroup.id());
    }
    0
}
