mod chosen;
mod kernel;
mod seen;
mod updated;

use super::{HostNames, MountTable};

/// The names that a mount table gives. Every procfs at `/proc` is the host's.
fn names(text: &str) -> HostNames {
    let table = MountTable::parse(text.as_bytes()).unwrap();
    HostNames::choose(&table, |mount| mount.mount_point.ends_with("proc"))
}
