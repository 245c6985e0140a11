//! Virtual machines: a command of the project, run on a kernel of Debian's.

mod apt;
mod cpio;
mod initramfs;
mod kernel;
mod modules;
mod qemu;
mod sources;

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result};

use crate::{host::Programs, workspace};

pub(crate) use self::{kernel::SERIES, qemu::Outcome};

/// Programs that every machine carries in `/bin`.
const PROGRAMS: &[&str] = &["agentguard", "agentguard-tests"];

/// The command that runs the suite in a machine.
pub(crate) fn suite_command(filter: Option<&str>) -> Vec<String> {
    ["/bin/agentguard-tests", "--agentguard", "/bin/agentguard"]
        .into_iter()
        .chain(filter)
        .map(str::to_owned)
        .collect()
}

/// Held while a machine is prepared: what is downloaded and cached is there for all of them.
static PREPARATION: Mutex<()> = Mutex::new(());

/// Runs `command` as root in a machine with the newest kernel of `series`; what there is to tell, and
/// each line of its console, goes to `print`. `extra` is added to the kernel's command line.
pub(crate) fn run(
    series: &str,
    programs: &Programs,
    command: &[String],
    extra: &str,
    mut print: impl FnMut(&str),
) -> Result<Outcome> {
    let alone = PREPARATION.lock().unwrap_or_else(PoisonError::into_inner);
    let kernel = kernel::get(series)?;
    print(&format!("vm: kernel {}", kernel.version));
    let directory = workspace::artefacts().join("vm");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let archive = tempfile::Builder::new()
        .prefix("initramfs-")
        .tempfile_in(&directory)?;
    let carried: Vec<PathBuf> = PROGRAMS
        .iter()
        .map(|name| programs.get(name).map(PathBuf::from))
        .collect::<Result<_>>()?;
    initramfs::write(
        archive.path(),
        programs.get("vm-init")?,
        &carried,
        &kernel.modules,
        command,
    )?;

    drop(alone);

    let start = Instant::now();
    let outcome = qemu::run(&kernel.image, archive.path(), extra, &mut print)?;
    print(&format!(
        "vm: the machine was up for {:.1} s",
        start.elapsed().as_secs_f32()
    ));
    Ok(outcome)
}
