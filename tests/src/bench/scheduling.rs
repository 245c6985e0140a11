//! Client and server share one CPU, in real time: nothing else of the machine runs in between,
//! and every switch from one to the other happens at the same place.

use std::io;

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

/// The CPU that is measured on: the last one, because interrupts mostly go to the first.
fn cpu(allowed: &CpuSet) -> Option<usize> {
    (0..CpuSet::count())
        .rev()
        .find(|cpu| allowed.is_set(*cpu).unwrap_or(false))
}

/// Binds the calling thread to the CPU of the measurements.
pub(super) fn pin() -> io::Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let cpu = cpu(&allowed).ok_or_else(|| io::Error::other("no CPU to run on"))?;
    let mut one = CpuSet::new();
    one.set(cpu)?;
    Ok(sched_setaffinity(this, &one)?)
}

/// Puts the calling thread before all ordinary ones (`SCHED_FIFO`). Answers whether the machine
/// permits it: a container may not.
pub(super) fn real_time() -> bool {
    let parameters = libc::sched_param { sched_priority: 1 };
    // SAFETY: the structure is complete and only read.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) == 0 }
}

/// Whether [`real_time`] does something here.
pub(super) fn is_real_time_permitted() -> bool {
    // A thread of its own: this one stays as it is.
    std::thread::spawn(real_time).join().unwrap_or(false)
}
