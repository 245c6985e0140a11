//! Machines with a whole Debian on a disk, and systemd as its first process.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{cpio::Archive, image, kernel::Kernel, modules};
use crate::{dist, host::Programs, workspace};

/// A Debian that machines run.
#[derive(Debug)]
pub(crate) struct System {
    /// What `--vm` calls it.
    pub(crate) name: &'static str,
    /// Debian's name for the release.
    pub(super) suite: &'static str,
    /// The series of the kernel that it runs on.
    pub(super) kernel: &'static str,
    /// What is installed beside what all of them have: the programs of real work.
    pub(super) packages: &'static [&'static str],
}

/// All of them.
pub(crate) const SYSTEMS: &[System] = &[
    // systemd 252.
    System {
        name: "systemd",
        suite: "bookworm",
        kernel: "6.12",
        packages: &["gcc", "git", "libc6-dev", "nodejs", "python3"],
    },
    // systemd 257: it prepares services with a program of its own.
    System {
        name: "systemd-257",
        suite: "trixie",
        kernel: "6.12",
        // systemd's resolver, and the plugin by which the C library asks it; the C library's own.
        packages: &["libnss-resolve", "nscd", "systemd-resolved"],
    },
];

/// What the disk's kernel has as a module, beside those of every machine.
const DISK_MODULES: &[&str] = &["virtio_blk"];

/// Where the Debian packages are that the suite installs: two, of which the second is newer.
const PACKAGES: &str = "usr/local/share/agentguard-machine";

/// The service that runs the machine's command, once the system is up; it turns the machine off.
const SERVICE: &str = "agentguard-machine.service";
const SERVICE_TEXT: &str = "\
[Unit]
Description=The command that this machine was started for
After=dbus.socket systemd-user-sessions.service systemd-logind.service
# Should it end without having done it itself.
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate

[Service]
Type=exec
ExecStart=/usr/local/lib/agentguard-machine/init
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
";

/// What the disk's system is told by the kernel's command line.
pub(super) const COMMAND_LINE: &str = "systemd.unit=multi-user.target systemd.show_status=no \
     systemd.wants=agentguard-machine.service";

impl System {
    /// The system that `--vm` calls so.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SYSTEMS.iter().find(|system| system.name == name)
    }

    /// The disk, and the archive of what a machine puts on it before it boots from it.
    pub(super) fn prepare(
        &self,
        archive: &Path,
        programs: &Programs,
        kernel: &Kernel,
        command: &[String],
    ) -> Result<PathBuf> {
        let disk = image::get(self)?;
        let file =
            File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
        let mut archive = Archive::new(BufWriter::new(file));
        for directory in ["/dev", "/modules"] {
            archive.empty_directory(Path::new(directory))?;
        }
        let init = read(programs.get("vm-init")?)?;
        archive.file(Path::new("/init"), &init)?;
        for (index, (name, content)) in modules::in_order(&kernel.modules, DISK_MODULES)?
            .iter()
            .enumerate()
        {
            let path = format!("/modules/{index:03}-{name}.ko");
            archive.file(Path::new(&path), content)?;
        }
        let additions = Path::new("/additions");
        archive.file(
            &additions.join("usr/local/lib/agentguard-machine/init"),
            &init,
        )?;
        for name in super::PROGRAMS {
            let path = additions.join("usr/local/bin").join(name);
            archive.file(&path, &read(programs.get(name)?)?)?;
        }
        // Where the package has the program and its unit, so that it can take their place.
        let program = additions.join("usr/bin/agentguard");
        archive.link(&program, "../local/bin/agentguard")?;
        let unit = read(&workspace::root().join("packaging/agentguard.service"))?;
        let units = additions.join("usr/lib/systemd/system");
        archive.document(&units.join("agentguard.service"), &unit)?;
        let units = additions.join("etc/systemd/system");
        archive.document(&units.join(SERVICE), SERVICE_TEXT.as_bytes())?;
        for (revision, package) in dist::for_machines(programs)?.iter().enumerate() {
            let name = format!("agentguard-{}.deb", revision + 1);
            archive.document(&additions.join(PACKAGES).join(name), package)?;
        }
        let words = command.join("\0") + "\0";
        archive.document(&additions.join("command"), words.as_bytes())?;
        archive.finish()?;
        Ok(disk)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
