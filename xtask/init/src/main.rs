//! The first process of a test machine: makes the system that a program expects, runs one command,
//! reports how it ended, and turns the machine off.
//!
//! The command's output goes to the first serial port, where the kernel's messages go too. The
//! report is one line on the second serial port, where nothing else is: `exit N`, `signal N`, or
//! `error …` when the machine could not be prepared.

mod command;
mod mounts;

use std::{
    fs::{self, File, OpenOptions},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::{
    kmod::{ModuleInitFlags, finit_module},
    sys::{
        reboot::{RebootMode, reboot},
        termios::{OutputFlags, SetArg, tcgetattr, tcsetattr},
    },
};

/// Where xtask puts the modules, named so that they sort in the order of loading.
const MODULES: &str = "/modules";

fn main() {
    let report = match run() {
        Ok(outcome) => outcome.to_string(),
        // The report is one line.
        Err(error) => format!("error {}", format!("{error:#}").replace('\n', " ")),
    };
    if let Err(error) = fs::write("/dev/ttyS1", format!("{report}\n")) {
        eprintln!("init: cannot report \"{report}\": {error}");
    }
    // Returning from the first process is a kernel panic, which ends the machine as well.
    let Err(error) = reboot(RebootMode::RB_POWER_OFF);
    eprintln!("init: cannot power off: {error}");
}

fn run() -> Result<command::Outcome> {
    mounts::mount_all()?;
    let console = console()?;
    fs::write("/proc/sys/kernel/hostname", "agentguard-vm").context("cannot set the host name")?;
    load_modules()?;
    command::run(
        &["/bin/ip", "link", "set", "lo", "up"].map(str::to_owned),
        &console,
    )?
    .success()
    .context("cannot bring the loopback interface up")?;
    command::run(&command::read()?, &console)
}

/// The first serial port, with line ends as they are.
fn console() -> Result<File> {
    let console = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/ttyS0")
        .context("cannot open the serial console")?;
    let mut settings = tcgetattr(console.as_fd()).context("cannot read the console's settings")?;
    settings.output_flags.remove(OutputFlags::OPOST);
    tcsetattr(console.as_fd(), SetArg::TCSANOW, &settings).context("cannot set the console")?;
    Ok(console)
}

fn load_modules() -> Result<()> {
    let mut modules = fs::read_dir(MODULES)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<Vec<PathBuf>, _>>()
        })
        .with_context(|| format!("cannot read {MODULES}"))?;
    modules.sort();
    modules.iter().try_for_each(|path| load_module(path))
}

fn load_module(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    finit_module(&file, c"", ModuleInitFlags::empty())
        .with_context(|| format!("cannot load {}", path.display()))
}
