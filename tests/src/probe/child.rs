//! A part of a technique in a child process.

use std::{
    fs::File,
    io::{Read, Write},
};

use nix::{
    sys::wait::waitpid,
    unistd::{ForkResult, fork, pipe},
};

use super::{Reading, Report, Step, Stop};

/// Forks; the child performs the function and its report is added to the parent's.
pub(super) fn in_child(report: &mut Report, function: impl FnOnce(&mut Report) -> Step) -> Step {
    let (read, write) = pipe()?;
    // SAFETY: a probe that forks has one thread, so the child may do whatever the parent may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(read);
            let mut own = Report::default();
            let text = match function(&mut own) {
                Err(Stop::Broken(error)) => error.to_string(),
                _ => own.to_json(),
            };
            let written = File::from(write).write_all(text.as_bytes());
            exit(i32::from(written.is_err()))
        }
        ForkResult::Parent { child } => {
            drop(write);
            let mut text = String::new();
            File::from(read).read_to_string(&mut text)?;
            waitpid(child, None)?;
            report.merge(Reading::parse(&text)?);
            Ok(())
        }
    }
}

/// Ends a forked child without running what the parent registered for its own end.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}
