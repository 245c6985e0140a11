//! The first process of a test machine: makes the system that a program expects, runs one command,
//! reports how it ended, and turns the machine off.
//!
//! A machine with a disk has a system of its own on it: then this process hands over to that
//! system's init, which starts this program again, as a service, for the command.
//!
//! The command's output goes to the first serial port, where the kernel's messages go too. The
//! report is on the second serial port, where nothing else is: a line `begun` before the command runs, and
//! at the end one of `exit N`, `signal N`, or `error …` when the machine could not be prepared.

mod command;
mod handover;
mod modules;
mod mounts;

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::AsFd as _,
};

use anyhow::{Context as _, Result};
use nix::sys::{
    reboot::{RebootMode, reboot},
    termios::{OutputFlags, SetArg, tcgetattr, tcsetattr},
};

fn main() {
    let result = if std::process::id() == 1 {
        run()
    } else {
        run_as_service()
    };
    let report = match result {
        Ok(outcome) => outcome.to_string(),
        // The report is one line.
        Err(error) => format!("error {}", format!("{error:#}").replace('\n', " ")),
    };
    if let Err(error) = tell(&report) {
        eprintln!("init: cannot report \"{report}\": {error}");
    }
    // Returning from the first process is a kernel panic, which ends the machine as well. A disk
    // is thrown away: there is nothing to write back.
    let Err(error) = reboot(RebootMode::RB_POWER_OFF);
    eprintln!("init: cannot power off: {error}");
}

/// As the first process of the machine.
fn run() -> Result<command::Outcome> {
    if handover::is_wanted() {
        match handover::to_the_system_on_disk()? {}
    }
    mounts::mount_all()?;
    let console = console()?;
    fs::write("/proc/sys/kernel/hostname", "agentguard-vm").context("cannot set the host name")?;
    modules::load()?;
    command::run(
        &["ip", "link", "set", "lo", "up"].map(str::to_owned),
        &console,
    )?
    .success()
    .context("cannot bring the loopback interface up")?;
    begin(&console)
}

/// As a service of a system that is up.
fn run_as_service() -> Result<command::Outcome> {
    begin(&console()?)
}

/// Runs the command, and says that it does: a kernel that panicked before has run nothing of ours.
fn begin(console: &File) -> Result<command::Outcome> {
    let words = command::read()?;
    tell("begun").context("cannot report")?;
    command::run(&words, console)
}

/// A line of the report.
fn tell(line: &str) -> io::Result<()> {
    fs::write("/dev/ttyS1", format!("{line}\n"))
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
