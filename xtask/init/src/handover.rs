//! A machine whose system is on a disk: what xtask adds is copied there, and its init takes over.

use std::{
    convert::Infallible,
    ffi::CString,
    fs, io,
    os::unix::fs::symlink,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    mount::{MsFlags, mount},
    unistd::{chdir, chroot, execv},
};

use crate::{modules, mounts};

/// Where xtask puts what is to be on the disk beside what is there, at the same paths.
const ADDITIONS: &str = "/additions";
/// The first disk.
const DISK: &str = "/dev/vda";
const ROOT: &str = "/root-of-the-disk";
/// The kernel may look for the disk for a moment after its driver is loaded.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether this machine has a system on a disk.
pub(crate) fn is_wanted() -> bool {
    Path::new(ADDITIONS).is_dir()
}

/// Becomes the init of the system on the disk.
pub(crate) fn to_the_system_on_disk() -> Result<Infallible> {
    mounts::mount_devices()?;
    modules::load()?;
    let deadline = Instant::now() + PATIENCE;
    while !Path::new(DISK).exists() {
        ensure!(Instant::now() < deadline, "the machine has no {DISK}");
        thread::sleep(Duration::from_millis(5));
    }
    fs::create_dir(ROOT).with_context(|| format!("cannot make {ROOT}"))?;
    mount(
        Some(DISK),
        ROOT,
        Some("ext4"),
        MsFlags::empty(),
        None::<&str>,
    )
    .with_context(|| format!("cannot mount {DISK}"))?;
    copy(Path::new(ADDITIONS), Path::new(ROOT)).context("cannot add to the disk")?;
    chdir(ROOT)
        .and_then(|()| mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>))
        .and_then(|()| chroot("."))
        .and_then(|()| chdir("/"))
        .context("cannot make the disk the root")?;
    let init = CString::from(c"/sbin/init");
    let Err(error) = execv(&init, &[&init]);
    Err(error).context("cannot start the disk's /sbin/init")
}

/// Copies a directory's content over another's.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            match fs::create_dir(&target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => copy(&source, &target)?,
            }
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
