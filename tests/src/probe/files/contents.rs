//! Changing what is in a file, other than by writing.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    fcntl::{AT_FDCWD, FallocateFlags, OFlag, copy_file_range, fallocate, openat},
    sys::{sendfile::sendfile, stat::Mode},
    unistd::{ftruncate, truncate},
};

use super::{
    super::{Report, Step, Technique, arguments::Arguments},
    names::answer,
};
use crate::sys;

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("truncate", truncate_path),
    ("ftruncate", truncate_descriptor),
    ("fallocate", punch),
    ("copy-range", copy_range),
    ("sendfile", send_file),
    ("map-shared", map_shared),
];

fn truncate_path(report: &mut Report, arguments: &Arguments) -> Step {
    let result = truncate(&*arguments.path(0)?, 1);
    report.step("truncate", answer(result))
}

/// By a descriptor that can write: what refuses this one is the open.
fn truncate_descriptor(report: &mut Report, arguments: &Arguments) -> Step {
    let file = opened(report, arguments, 0, OFlag::O_WRONLY)?;
    report.step("ftruncate", answer(ftruncate(file, 1)))
}

/// A hole.
fn punch(report: &mut Report, arguments: &Arguments) -> Step {
    let file = opened(report, arguments, 0, OFlag::O_RDWR)?;
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    report.step("fallocate", answer(fallocate(file, flags, 0, 2)))
}

/// `copy-range FROM TO`.
fn copy_range(report: &mut Report, arguments: &Arguments) -> Step {
    let from = opened(report, arguments, 0, OFlag::O_RDONLY)?;
    let to = opened(report, arguments, 1, OFlag::O_WRONLY)?;
    let result = copy_file_range(from, None, to, None, 4);
    report.step("copy_file_range", answer(result)).map(drop)
}

/// `sendfile FROM TO`.
fn send_file(report: &mut Report, arguments: &Arguments) -> Step {
    let from = opened(report, arguments, 0, OFlag::O_RDONLY)?;
    let to = opened(report, arguments, 1, OFlag::O_WRONLY)?;
    report
        .step("sendfile", answer(sendfile(to, from, None, 4)))
        .map(drop)
}

/// By a mapping that is shared with the file.
fn map_shared(report: &mut Report, arguments: &Arguments) -> Step {
    let file = opened(report, arguments, 0, OFlag::O_RDWR)?;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel chooses a place where nothing is.
    let place = unsafe {
        let (at, fd) = (std::ptr::null_mut(), file.as_raw_fd());
        libc::mmap(at, 1, protection, libc::MAP_SHARED, fd, 0)
    };
    if place == libc::MAP_FAILED {
        return report.step("mmap", Err(io::Error::last_os_error()));
    }
    // SAFETY: the file has at least one byte, so the mapping has, too.
    unsafe { place.cast::<u8>().write_volatile(b'!') };
    // SAFETY: the mapping is the one that was made above.
    let written = sys::check(unsafe { libc::msync(place, 1, libc::MS_SYNC) });
    report.step("msync", written).map(drop)
}

fn opened(
    report: &mut Report,
    arguments: &Arguments,
    position: usize,
    flags: OFlag,
) -> Step<OwnedFd> {
    let file = openat(AT_FDCWD, &*arguments.path(position)?, flags, Mode::empty());
    report.step("open", answer(file))
}
