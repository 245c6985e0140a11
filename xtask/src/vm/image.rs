//! The disks of the machines that have one: a small Debian, made once and kept.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::system::System;
use crate::{digest, process, sources, suites, workspace};

/// A disk that is younger than this is not made again while its recipe is the same.
const FRESH: Duration = Duration::from_hours(24 * 14);

/// What is installed beside what every Debian has.
const PACKAGES: &[&str] = &[
    "dbus",
    "iproute2",
    "libpam-systemd",
    "systemd",
    "systemd-sysv",
];

/// What no machine needs, and what would have it wait.
const MASKED: &[&str] = &[
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty-static.service",
    "getty@tty1.service",
    // It would remember names for every test.
    "nscd.service",
    "proc-sys-fs-binfmt_misc.automount",
    // It waits for a device that, without udev, never comes.
    "serial-getty@ttyS0.service",
    "systemd-firstboot.service",
    "systemd-machine-id-commit.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-pstore.service",
    "systemd-repart.service",
];

/// Documentation and translations.
const EXCLUDED: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];

/// The last steps, in the directory `$1` that is to be the disk: two ordinary users, one of whom
/// may use the daemon, and nothing of the host that made it.
const STEPS: &[&str] = &[
    "chroot \"$1\" groupadd --system agentguard",
    "chroot \"$1\" useradd --create-home --shell /bin/sh --groups agentguard alice",
    "chroot \"$1\" useradd --create-home --shell /bin/sh bob",
    // They look for a host's disks and consoles, each in a process, at every reload of the units. One
    // obeys the kernel's command line.
    "find \"$1/usr/lib/systemd/system-generators\" ! -type d ! -name systemd-debug-generator -delete",
    "echo agentguard-vm > \"$1/etc/hostname\"",
    "printf '127.0.0.1 localhost agentguard-vm\\n::1 localhost\\n' > \"$1/etc/hosts\"",
    "rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/apt/* \"$1\"/etc/apt/sources.list* \
     \"$1\"/etc/apt/apt.conf.d/99mmdebstrap \"$1\"/etc/resolv.conf",
];

/// Makes the disk `$2` of the directory `$1`, in which `/proc` and others are mounted: a second mount
/// of it does not have them. Machines write to a copy that they throw away, so there is no journal.
const FORMAT: &str = "unshare --mount sh -c 'mount --bind \"$1\" /mnt && \
     exec mkfs.ext4 -q -F -O ^has_journal,casefold -m 0 -d /mnt \"$2\"' sh \"$1\"";
const SIZE: u64 = 1 << 31;

/// The disk of a system: from the cache if it was made lately or the mirror cannot be reached, else
/// made anew.
pub(super) fn get(system: &System) -> Result<PathBuf> {
    let cache = workspace::artefacts().join("vm/systems").join(system.name);
    let (disk, record) = (cache.join("disk.ext4"), cache.join("record"));
    let recipe = recipe(system);
    let usable = disk.is_file() && fs::read_to_string(&record).is_ok_and(|made| made == recipe);
    let age = fs::metadata(&record).and_then(|data| data.modified()).ok();
    let is_fresh = age
        .and_then(|time| time.elapsed().ok())
        .is_some_and(|age| age < FRESH);
    if usable && is_fresh {
        return Ok(disk);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    match make(system, &cache, &disk) {
        Ok(()) => {
            fs::write(&record, recipe).context("cannot write the cache's record")?;
            Ok(disk)
        }
        Err(error) => {
            process::check_interrupted()?;
            if !usable {
                return Err(error).with_context(|| format!("cannot make {}", disk.display()));
            }
            println!("vm: using the disk that is there, as it cannot be made anew: {error:#}");
            Ok(disk)
        }
    }
}

/// A digest of all that decides what is on the disk, but the archive's state.
fn recipe(system: &System) -> String {
    let parts = [
        system.suite,
        &PACKAGES.concat(),
        &system.packages.concat(),
        &MASKED.concat(),
        &EXCLUDED.concat(),
        &STEPS.concat(),
        FORMAT,
        &SIZE.to_string(),
    ];
    digest::text(&parts.join("\0"))
}

fn make(system: &System, cache: &Path, disk: &Path) -> Result<()> {
    println!("vm: making the disk of a Debian {}", system.suite);
    let sources = tempfile::NamedTempFile::new().context("cannot make a list of sources")?;
    fs::write(sources.path(), sources::of(system.suite)?)
        .context("cannot write the list of sources")?;
    // Beside the old one, which stays usable until the new one is complete.
    let fresh = tempfile::NamedTempFile::new_in(cache)?;
    fresh.as_file().set_len(SIZE)?;
    let mut command = suites::as_root(Path::new("mmdebstrap"));
    command.args([
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--format=null",
        "--aptopt=Acquire::Languages \"none\"",
    ]);
    let packages = [PACKAGES, system.packages].concat();
    command.arg(format!("--include={}", packages.join(",")));
    for path in EXCLUDED {
        command.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    let masks = format!("chroot \"$1\" systemctl mask {}", MASKED.join(" "));
    let format = format!("{FORMAT} {}", quoted(fresh.path())?);
    let steps = STEPS.iter().copied().chain([&*masks, &*format]);
    for step in steps {
        command.arg(format!("--customize-hook={step}"));
    }
    // Nothing is kept of the directory that it is made in.
    command
        .args([system.suite, "/dev/null"])
        .arg(sources.path());
    process::output(&mut command)?;
    fresh
        .persist(disk)
        .with_context(|| format!("cannot write {}", disk.display()))?;
    Ok(())
}

/// A path as the shell reads it.
fn quoted(path: &Path) -> Result<String> {
    let path = path
        .to_str()
        .with_context(|| format!("not UTF-8: {}", path.display()))?;
    Ok(format!("'{}'", path.replace('\'', "'\\''")))
}
