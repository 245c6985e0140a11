//! Virtual machines: a command of the project, run on a kernel of Debian's.

mod apt;
mod cpio;
mod image;
mod initramfs;
mod kernel;
mod modules;
mod qemu;
mod system;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result};

use crate::{host::Programs, workspace};

pub(crate) use self::qemu::{Outcome, Pace};
use self::{kernel::SERIES, system::System};

/// Programs that every machine carries in `/bin`, where those without a disk carry the one that they run, too.
const PROGRAMS: &[&str] = &["agentguard", "agentguard-tests", "agentguard-demo"];

/// Up to Linux 6.1 task storage is not to be had while another task was interrupted on the same processor in the middle
/// of a look at its own (`bpf_task_storage_trylock`): what cannot be decided for that is refused. Debian's kernel does
/// not preempt there unless it is told to.
const OLDEST: &str = "6.1";

/// The names of the machines: kernels with nothing but the suite, and whole systems.
pub(crate) fn machines() -> impl Iterator<Item = &'static str> {
    let systems = system::SYSTEMS.iter().map(|system| system.name);
    SERIES.iter().copied().chain(systems)
}

/// The command that runs a machine's suite.
pub(crate) fn suite_command(machine: &str, filter: Option<&str>) -> Vec<String> {
    let words: &[&str] = if System::named(machine).is_some() {
        &[
            "/usr/local/bin/agentguard-tests",
            "--systemd",
            "--agentguard",
            "/usr/local/bin/agentguard",
        ]
    } else {
        &["/bin/agentguard-tests", "--agentguard", "/bin/agentguard"]
    };
    let words = words.iter().copied().chain(filter);
    words.map(str::to_owned).collect()
}

/// The machine that the costs of file rules are measured in.
pub(crate) const MEASURED: &str = "6.12";

/// The command that measures them.
pub(crate) fn bench_command(arguments: &[String]) -> Vec<String> {
    let words = [
        "/bin/agentguard-bench",
        "--files",
        "--agentguard",
        "/bin/agentguard",
    ];
    let words = words.into_iter().map(str::to_owned);
    words.chain(arguments.iter().cloned()).collect()
}

/// Held while a machine is prepared: what is downloaded and cached is there for all of them.
static PREPARATION: Mutex<()> = Mutex::new(());

/// Runs `command` as root in a machine: a whole system, or the newest kernel of a series. What there
/// is to tell, and each line of its console, goes to `print`. `extra` is added to the kernel's command
/// line.
pub(crate) fn run(
    machine: &str,
    programs: &Programs,
    command: &[String],
    pace: Pace,
    extra: &str,
    mut print: impl FnMut(&str),
) -> Result<Outcome> {
    let alone = PREPARATION.lock().unwrap_or_else(PoisonError::into_inner);
    let system = System::named(machine);
    let kernel = kernel::get(system.map_or(machine, |system| system.kernel))?;
    print(&format!("vm: kernel {}", kernel.version));
    let directory = workspace::artefacts().join("vm");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let archive = tempfile::Builder::new()
        .prefix("initramfs-")
        .tempfile_in(&directory)?;
    let mut extra = extra.to_owned();
    if machine == OLDEST {
        // The last word counts.
        extra = format!("preempt=voluntary {extra}");
    }
    let disk = if let Some(system) = system {
        extra = format!("{} {extra}", system::COMMAND_LINE);
        Some(system.prepare(archive.path(), programs, &kernel, command)?)
    } else {
        // And the one that the command is, if it is one of ours.
        let own = command.first().map(Path::new).and_then(Path::file_name);
        let own = own
            .and_then(OsStr::to_str)
            .filter(|name| !PROGRAMS.contains(name) && programs.get(name).is_ok());
        let carried: Vec<PathBuf> = PROGRAMS
            .iter()
            .copied()
            .chain(own)
            .map(|name| programs.get(name).map(PathBuf::from))
            .collect::<Result<_>>()?;
        initramfs::write(
            archive.path(),
            programs.get("vm-init")?,
            &carried,
            &kernel.modules,
            command,
        )?;
        None
    };

    drop(alone);

    let start = Instant::now();
    let outcome = qemu::run(
        &kernel.image,
        archive.path(),
        disk.as_deref(),
        pace,
        &extra,
        &mut print,
    )?;
    print(&format!(
        "vm: the machine was up for {:.1} s",
        start.elapsed().as_secs_f32()
    ));
    Ok(outcome)
}
