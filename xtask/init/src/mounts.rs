//! The file systems of a running system.

use std::fs;

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};

/// Type and place, in the order of mounting.
const MOUNTS: &[(&str, &str)] = &[
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("bpf", "/sys/fs/bpf"),
    ("securityfs", "/sys/kernel/security"),
    ("tracefs", "/sys/kernel/tracing"),
    ("tmpfs", "/run"),
    ("tmpfs", "/tmp"),
];

/// Mounts all of them.
pub(crate) fn mount_all() -> Result<()> {
    MOUNTS
        .iter()
        .try_for_each(|(kind, place)| mount_one(kind, place))?;
    // As every distribution has it: paths beneath it name the standard streams.
    std::os::unix::fs::symlink("/proc/self/fd", "/dev/fd").context("cannot make /dev/fd")
}

/// Mounts only the devices.
pub(crate) fn mount_devices() -> Result<()> {
    mount_one("devtmpfs", "/dev")
}

fn mount_one(kind: &str, place: &str) -> Result<()> {
    fs::create_dir_all(place).with_context(|| format!("cannot make {place}"))?;
    mount(
        Some(kind),
        place,
        Some(kind),
        MsFlags::empty(),
        None::<&str>,
    )
    .with_context(|| format!("cannot mount {kind} on {place}"))
}
