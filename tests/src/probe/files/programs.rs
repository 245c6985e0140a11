//! Executing: as a program, as a library, from memory.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use nix::{
    fcntl::{AT_FDCWD, AtFlags, OFlag, openat},
    sys::{
        stat::Mode,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, execv, execveat, fork, pipe2, read, write},
};

use super::{
    super::{Report, Step, Technique, arguments::Arguments, child::exit},
    names::answer,
};
use crate::{
    error::{Error, Outcome},
    host::tool,
    sys,
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("execve", exec_path),
    ("execveat", exec_descriptor),
    ("exec-process", exec_process),
    ("exec-memory", exec_memory),
    ("exec-loader", exec_loader),
    ("map-exec", map_exec),
    ("protect-exec", protect_exec),
];

fn exec_path(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    run(report, tool::STATUS, || execv(&path, &[&path]).map(drop))
}

/// By a descriptor of the file, without a path.
fn exec_descriptor(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    let file = openat(AT_FDCWD, &*path, OFlag::O_PATH, Mode::empty())?;
    run(report, tool::STATUS, || {
        let none: [&CStr; 0] = [];
        execveat(&file, c"", &[&path], &none, AtFlags::AT_EMPTY_PATH).map(drop)
    })
}

/// By procfs's link to a descriptor.
fn exec_process(report: &mut Report, arguments: &Arguments) -> Step {
    let path = arguments.path(0)?;
    let file = openat(AT_FDCWD, &*path, OFlag::O_PATH, Mode::empty())?;
    let link =
        CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(io::Error::other)?;
    run(report, tool::STATUS, || execv(&link, &[&path]).map(drop))
}

/// A copy in memory, which no name leads to.
fn exec_memory(report: &mut Report, _: &Arguments) -> Step {
    // SAFETY: the name ends with a zero byte.
    let fd = unsafe { libc::memfd_create(c"copy".as_ptr(), 0) };
    let fd = report.step("memfd_create", sys::check(fd))?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    report.step("write", answer(write(&file, tool::IMAGE)))?;
    run(report, tool::STATUS, || {
        let none: [&CStr; 0] = [];
        execveat(&file, c"", &[c"copy"], &none, AtFlags::AT_EMPTY_PATH).map(drop)
    })
}

/// `exec-loader LOADER PROGRAM`: the program is an argument of the loader, which maps it.
fn exec_loader(report: &mut Report, arguments: &Arguments) -> Step {
    let (loader, program) = (arguments.path(0)?, arguments.path(1)?);
    run(report, 0, || execv(&loader, &[&loader, &program]).map(drop))
}

/// Executes in a child. The status that it must end with shows that it was this program.
fn run(report: &mut Report, status: i32, exec: impl FnOnce() -> nix::Result<()>) -> Step {
    let (tell, told) = pipe2(OFlag::O_CLOEXEC).map(|(read, write)| (write, read))?;
    // SAFETY: a probe that forks has one thread, so the child may do whatever the parent may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let errno = exec().err().map_or(0, |errno| errno as i32);
            let said = write(&tell, &errno.to_ne_bytes());
            exit(i32::from(said.is_err()))
        }
        ForkResult::Parent { child } => {
            drop(tell);
            let mut errno = [0; 4];
            let len = read(&told, &mut errno)?;
            let ended = waitpid(child, None)?;
            if len > 0 {
                let error = io::Error::from_raw_os_error(i32::from_ne_bytes(errno));
                return report.step("exec", Err(error));
            }
            report.step("exec", Ok(()))?;
            match ended {
                WaitStatus::Exited(_, found) if found == status => report.fact("ran", true),
                // The loader says it like this.
                WaitStatus::Exited(_, found) => {
                    let error = io::Error::other(format!("exit status {found}"));
                    return report.step("run", Err(error));
                }
                other => return Err(Error::Failed(format!("it ended with {other:?}")).into()),
            }
            Ok(())
        }
    }
}

/// A file that may be read, mapped to be executed.
fn map_exec(report: &mut Report, arguments: &Arguments) -> Step {
    let file = opened(arguments)?;
    let mapped = map(&file, libc::PROT_READ | libc::PROT_EXEC);
    report.step("mmap", mapped)?;
    report.fact("ran", true);
    Ok(())
}

/// Likewise, mapped to be read, and made executable afterwards.
fn protect_exec(report: &mut Report, arguments: &Arguments) -> Step {
    let file = opened(arguments)?;
    let place = report.step("mmap", map(&file, libc::PROT_READ))?;
    // SAFETY: the mapping is the one that was made above; nothing points into it.
    let result = unsafe { libc::mprotect(place, 1, libc::PROT_READ | libc::PROT_EXEC) };
    report.step("mprotect", sys::check(result))?;
    report.fact("ran", true);
    Ok(())
}

fn opened(arguments: &Arguments) -> Outcome<OwnedFd> {
    let path = arguments.path(0)?;
    Ok(openat(AT_FDCWD, &*path, OFlag::O_RDONLY, Mode::empty())?)
}

fn map(file: &OwnedFd, protection: libc::c_int) -> io::Result<*mut libc::c_void> {
    // SAFETY: the kernel chooses a place where nothing is.
    let place = unsafe {
        let (at, fd) = (std::ptr::null_mut(), file.as_raw_fd());
        libc::mmap(at, 1, protection, libc::MAP_PRIVATE, fd, 0)
    };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(place)
}
