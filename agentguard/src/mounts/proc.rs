//! Which procfs is the host's.

use std::{fs, path::Path};

use super::{Mount, MountTable};

/// The pid namespace in which the kernel itself numbers processes (`PROC_PID_INIT_INO` in
/// `include/linux/proc_ns.h`).
const INITIAL: &str = "pid:[4026531836]";

/// Whether a procfs numbers processes as the kernel does: as the initial pid namespace.
pub(super) fn is_host_proc(table: &MountTable, mount: &Mount) -> bool {
    // Nobody but the kernel may answer on the way.
    let is_safe = |above: &Mount| above.mount_point == Path::new("/") || !above.is_answered_for();
    table.above(mount).all(is_safe)
        && fs::read_link("/proc/self/ns/pid").is_ok_and(|it| it == Path::new(INITIAL))
        // A procfs of another namespace has no name for us.
        && fs::read_link(mount.mount_point.join("self")).is_ok()
}
