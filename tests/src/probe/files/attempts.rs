//! Many attempts in one go, each of which leaves everything as it was: `attempts KIND PATH KIND PATH …`. The report has
//! one call for each.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat},
    sys::stat::Mode,
    unistd::execv,
};

use super::{
    super::{
        Report, Step, Technique,
        arguments::Arguments,
        flood::Answers,
        hold::{ready, released},
    },
    names::answer,
};
use crate::{
    error::{Error, Outcome},
    sys,
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("attempts", attempts),
    ("chained", chained),
    ("reopen-many", reopen_many),
    ("open-hammer", hammer),
];

fn attempts(report: &mut Report, arguments: &Arguments) -> Step {
    for position in (0..arguments.0.len()).step_by(2) {
        let kind = arguments.text(position)?;
        let result = attempt(kind, &arguments.path(position + 1)?)?;
        report.note(kind, result);
    }
    Ok(())
}

/// What the kernel says once nobody refuses it is no error here: nothing else could come.
fn attempt(kind: &str, path: &CStr) -> Outcome<io::Result<()>> {
    let open = |flags: OFlag| sys::open(path, flags.bits()).map(drop);
    Ok(match kind {
        "read" => open(OFlag::O_RDONLY),
        "write" => open(OFlag::O_WRONLY),
        "both" => open(OFlag::O_RDWR),
        "list" => open(OFlag::O_RDONLY | OFlag::O_DIRECTORY),
        // It has no format that can be executed.
        "exec" => match execv(path, &[path]) {
            Err(nix::Error::ENOEXEC) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(never) => match never {},
        },
        other => return Err(Error::Failed(format!("probe: no attempt {other}"))),
    })
}

/// `chained BASE NAME COUNT LAST`: a path that is longer than any call takes, one descriptor after another.
fn chained(report: &mut Report, arguments: &Arguments) -> Step {
    let (name, count): (_, usize) = (arguments.path(1)?, arguments.parse(2)?);
    let here = |directory: &OwnedFd| openat(directory, &*name, OFlag::O_PATH, Mode::empty());
    let mut directory = openat(AT_FDCWD, &*arguments.path(0)?, OFlag::O_PATH, Mode::empty())?;
    for _ in 0..count {
        directory = here(&directory)?;
    }
    let file = openat(
        directory,
        &*arguments.path(3)?,
        OFlag::O_RDONLY,
        Mode::empty(),
    );
    report.step("open", answer(file)).map(drop)
}

/// How opening a file ended.
fn count(answers: &Answers, result: &io::Result<OwnedFd>) {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => answers.refuse(),
        other => answers.count(other),
    }
}

/// `reopen-many PATH COUNT`: by a descriptor that stays, wherever the file is meanwhile.
fn reopen_many(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    // It may be away just now.
    let file = loop {
        match openat(AT_FDCWD, &*path, OFlag::O_PATH, Mode::empty()) {
            Err(nix::Error::ENOENT) => {}
            other => break other?,
        }
    };
    let again =
        CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(io::Error::other)?;
    let answers = Answers::default();
    for _ in 0..arguments.parse::<u64>(1)? {
        count(&answers, &sys::open(&again, libc::O_RDONLY));
    }
    answers.report(report);
    Ok(())
}

/// `open-hammer PATH THREADS PAUSE`: from several threads, each with a pause of so many milliseconds after it,
/// until the harness closes standard input.
fn hammer(report: &mut Report, arguments: &Arguments) -> Step {
    let (path, threads): (_, usize) = (arguments.path(0)?, arguments.parse(1)?);
    let pause = Duration::from_millis(arguments.parse(2)?);
    let (answers, stop) = (Answers::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    count(&answers, &sys::open(&path, libc::O_RDONLY));
                    thread::sleep(pause);
                }
            });
        }
        ready();
        while !released() {
            thread::sleep(Duration::from_millis(2));
        }
        stop.store(true, Ordering::Relaxed);
    });
    answers.report(report);
    Ok(())
}
