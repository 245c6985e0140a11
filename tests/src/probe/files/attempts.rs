//! Many attempts in one go, each of which leaves everything as it was: `attempts KIND PATH KIND PATH …`. The report has
//! one call for each.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat, renameat},
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
    ("open-throng", throng),
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

/// `open-throng PERMITTED REFUSED MOVING THREADS COUNT`: half of the threads open one file, half the other, each so
/// many times. One more renames a file all the while, so that nothing is known from before. What another thread
/// should have been answered is counted as wrong.
fn throng(report: &mut Report, arguments: &Arguments) -> Step {
    let paths = [arguments.path(0)?, arguments.path(1)?];
    let (home, away) = (
        arguments.path(2)?,
        CString::new(format!("{}-away", arguments.text(2)?)),
    );
    let away = away.map_err(io::Error::other)?;
    let (threads, count): (usize, u64) = (arguments.parse(3)?, arguments.parse(4)?);
    let (wrong, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let moved = thread::scope(|scope| {
        let mover = scope.spawn(|| -> nix::Result<()> {
            while !stop.load(Ordering::Relaxed) {
                renameat(AT_FDCWD, &*home, AT_FDCWD, &*away)?;
                renameat(AT_FDCWD, &*away, AT_FDCWD, &*home)?;
            }
            Ok(())
        });
        let openers: Vec<_> = (0..threads)
            .map(|number| {
                let (path, wrong) = (&paths[number % 2], &wrong);
                let refused = (number % 2 == 1).then_some(libc::EACCES);
                scope.spawn(move || {
                    for _ in 0..count {
                        let answer = sys::open(path, libc::O_RDONLY).err();
                        if answer.and_then(|error| error.raw_os_error()) != refused {
                            wrong.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        let ended = openers.into_iter().all(|opener| opener.join().is_ok());
        stop.store(true, Ordering::Relaxed);
        ended && mover.join().is_ok_and(|moved| moved.is_ok())
    });
    report.fact("moved", moved);
    report.fact("wrong", wrong.into_inner());
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
