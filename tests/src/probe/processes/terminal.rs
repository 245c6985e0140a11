//! Terminals: `terminal WHAT`.

use std::{
    io::{self, Read},
    os::fd::AsRawFd,
};

use nix::{
    fcntl::OFlag,
    pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::signal::{SigHandler, Signal, signal},
    unistd::setsid,
};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] = &[("terminal-input", input)];

fn input(report: &mut Report, arguments: &Arguments) -> Step {
    let terminal: PtyMaster = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY)?;
    grantpt(&terminal)?;
    unlockpt(&terminal)?;
    let mut end = std::fs::File::options()
        .read(true)
        .write(true)
        .open(ptsname_r(&terminal)?)?;
    // When the terminal goes its session is told.
    // SAFETY: a signal that is ignored runs no code.
    unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) }?;
    setsid()?;
    let control = |request: libc::Ioctl, argument: *const u8| {
        // SAFETY: each request reads one byte, or none.
        sys::check(unsafe { libc::ioctl(end.as_raw_fd(), request, argument) })
    };
    control(libc::TIOCSCTTY, std::ptr::null())?;
    match arguments.text(0)? {
        // Typed by nobody: as if it came from the keyboard, with the end of the line.
        "type" => {
            report.step("ioctl", control(libc::TIOCSTI, b"x".as_ptr()))?;
            report.step("ioctl", control(libc::TIOCSTI, b"\n".as_ptr()))?;
            let mut line = [0; 8];
            let len = report.step("read", end.read(&mut line))?;
            report.fact("content", String::from_utf8_lossy(&line[..len]));
        }
        // Selects and pastes, on a terminal that can.
        "console" => {
            let paste = [3_u8; 16];
            let pasted = control(libc::TIOCLINUX, paste.as_ptr());
            report.step("ioctl", pasted.map_err(not_here))?;
            report.fact("effect", "pasted");
        }
        other => return Err(Error::Failed(format!("probe: nothing to type by {other}")).into()),
    }
    Ok(())
}

/// What a terminal that is no console says.
fn not_here(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EINVAL) => io::Error::from_raw_os_error(libc::ENOTTY),
        _ => error,
    }
}
