//! N36 and mounts of the host's users. What a user namespace permits is in `namespaces.rs`.

use super::super::objects::table::{
    arriving, never, observed, optional, permitted, refused, untagged,
};
use crate::{
    harness::{Case, ObjectExpected},
    world::addresses::FORBIDDEN4,
};

const AT: &str = "$tree/open/mount";
const OTHER: &str = "$tree/read";
const MOUNT: ObjectExpected = never("mount", &[]);

macro_rules! mounting {
    ($what:literal) => {
        &["mount-host", $what, AT, OTHER]
    };
}

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    refused("mount-tmpfs", "plain", mounting!("tmpfs"), "mount", MOUNT),
    refused("mount-tmpfs-confined", "clerk", mounting!("tmpfs"), "mount", MOUNT),
    refused("mount-tmpfs-with-namespaces", "tinker", mounting!("tmpfs"), "mount", MOUNT),
    refused("mount-bind", "plain", mounting!("bind"), "mount", MOUNT),
    refused("mount-remount", "plain", mounting!("remount"), "mount", MOUNT),
    refused("mount-propagation", "plain", mounting!("propagation"), "mount", MOUNT),
    refused("mount-umount", "plain", mounting!("umount"), "umount", MOUNT),
    refused("mount-move", "plain", mounting!("move-mount"), "move_mount", MOUNT),
    refused("mount-configure", "plain", mounting!("configure"), "fsconfig", MOUNT),
    refused("mount-create", "plain", mounting!("create"), "fsconfig", MOUNT),
    refused("mount-reconfigure", "plain", mounting!("reconfigure"), "fsconfig", MOUNT),
    // No security hook is asked for these (Linux 7.3).
    permitted("mount-attributes-are-not-covered", "plain", mounting!("attributes")),
    untagged("pivot_root", "EINVAL", refused("mount-pivot-root", "plain", mounting!("pivot"), "pivot_root", MOUNT)),
    observed("mount-observed", "watched", mounting!("tmpfs"), MOUNT),
    optional(arriving(FORBIDDEN4, refused("N36-nfs", "plain", &["mount-nfs", "10.77.0.3", AT], "mount", MOUNT))),
];
