//! Processes and threads that are there, or come to be, while the daemon tags their cgroup.

use std::{
    fs::{self, File},
    io::{self, BufRead, Read},
    net::SocketAddr,
    os::fd::OwnedFd,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use nix::{
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, Pid, fork, pipe},
};

use super::{
    Report, Step, Stop, Technique,
    arguments::{Arguments, family},
    child::exit,
    hold::{ready, released},
    identity::own_cgroup,
};
use crate::{
    error::Error,
    sys::{self, SockAddr},
};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("fork-loop", fork_loop),
    ("threads", threads),
    ("fork-many", fork_many),
];

/// How the sends of all children ended. It lies in memory that they share.
#[derive(Debug, Default)]
#[repr(C)]
struct Tally {
    passed: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
    /// When the last send that passed was begun, in nanoseconds since boot.
    last_passed: AtomicU64,
}

impl Tally {
    fn send(&self, socket: &OwnedFd, to: &SockAddr) {
        let begun = sys::boot_ns();
        match sys::send_to(socket, b"fork", 0, Some(to)) {
            Ok(_) => {
                self.passed.fetch_add(1, Ordering::Relaxed);
                self.last_passed.fetch_max(begun, Ordering::Relaxed);
            }
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                self.other.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn send_new(&self, to: SocketAddr) {
        match sys::socket(family(to), libc::SOCK_DGRAM, 0) {
            Ok(socket) => self.send(&socket, &to.into()),
            Err(_) => {
                self.other.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn report(&self, report: &mut Report) {
        report.fact("passed", self.passed.load(Ordering::Relaxed));
        report.fact("refused", self.refused.load(Ordering::Relaxed));
        report.fact("other", self.other.load(Ordering::Relaxed));
        report.fact("last-passed", self.last_passed.load(Ordering::Relaxed));
    }
}

/// A tally that forked children share.
fn shared() -> io::Result<&'static Tally> {
    // SAFETY: a new anonymous mapping.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size_of::<Tally>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is zeroed, page-aligned, never unmapped, and only atomics lie in it.
    Ok(unsafe { &*memory.cast::<Tally>() })
}

/// Loops that run at once.
const LOOPS: u64 = 2;

/// `fork-loop TO MINIMUM`: in each of two loops one child after another sends, until the harness has
/// closed standard input and at least so many were refused (or ten times as many sent).
fn fork_loop(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, minimum) = (arguments.internet(0)?, arguments.parse(1)?);
    let (tally, home) = (shared()?, own_cgroup()?);
    let mut loops = Vec::new();
    for number in 0..LOOPS {
        // SAFETY: the probe has one thread, so the child may do whatever the parent may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let sub = home.join(format!("sub{number}"));
                exit(i32::from(
                    send_from_children(tally, &sub, to, minimum).is_err(),
                ))
            }
            ForkResult::Parent { child } => loops.push(child),
        }
    }
    ready();
    for child in loops {
        let ended = waitpid(child, None)?;
        if !matches!(ended, WaitStatus::Exited(_, 0)) {
            return Err(Error::Failed(format!("a loop of forks ended with {ended:?}")).into());
        }
    }
    tally.report(report);
    Ok(())
}

/// One loop. Every sixteenth child goes into a new cgroup first.
fn send_from_children(tally: &Tally, sub: &Path, to: SocketAddr, minimum: u64) -> Step {
    for number in 0_u64.. {
        let refused = tally.refused.load(Ordering::Relaxed);
        let passed = tally.passed.load(Ordering::Relaxed);
        if released() && (refused >= minimum || passed >= 10 * minimum) {
            break;
        }
        let into_new = number.is_multiple_of(16);
        // SAFETY: the probe has one thread, so the child may do whatever the parent may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                if into_new {
                    // Beneath a cgroup that is being removed this fails; the send counts.
                    drop(fs::create_dir(sub));
                    drop(fs::write(sub.join("cgroup.procs"), "0"));
                }
                tally.send_new(to);
                exit(0)
            }
            ForkResult::Parent { child } => {
                waitpid(child, None)?;
                if into_new {
                    drop(fs::remove_dir(sub));
                }
            }
        }
    }
    Ok(())
}

/// `threads TO COUNT PAUSE`: threads send through sockets that they made at their start, and through new
/// ones, with a pause of so many milliseconds, until the harness closes standard input.
fn threads(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, count): (_, usize) = (arguments.internet(0)?, arguments.parse(1)?);
    let pause = std::time::Duration::from_millis(arguments.parse(2)?);
    let (tally, stop) = (Tally::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let old = sys::socket(family(to), libc::SOCK_DGRAM, 0);
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(old) = &old {
                        tally.send(old, &to.into());
                    }
                    tally.send_new(to);
                    thread::sleep(pause);
                }
            });
        }
        ready();
        while !released() {
            thread::sleep(std::time::Duration::from_millis(2));
        }
        stop.store(true, Ordering::Relaxed);
    });
    tally.report(report);
    Ok(())
}

/// As many children at once as it is asked for on standard input, a line of JSON each time, until a fork fails.
fn fork_many(_: &mut Report, _: &Arguments) -> Step {
    ready();
    let mut alive = Alive::default();
    for line in io::stdin().lock().lines() {
        let words: Vec<String> = serde_json::from_str(&line?)
            .map_err(|error| Error::Failed(format!("probe: not understood: {error}")))?;
        let mut report = Report::default();
        alive.end()?;
        match alive.begin(&mut report, Arguments(&words).parse(0)?) {
            Ok(()) | Err(Stop::Refused) => println!("{}", report.to_json()),
            Err(stop) => return Err(stop),
        }
    }
    Err(Stop::Silent)
}

/// Children that wait to be ended: what one leaves the next could have.
#[derive(Default)]
struct Alive {
    /// Each child reads from the other end.
    hold: Option<OwnedFd>,
    children: Vec<Pid>,
}

impl Alive {
    fn begin(&mut self, report: &mut Report, count: u64) -> Step {
        let (read, write) = pipe()?;
        let mut failed = None;
        while failed.is_none() && (self.children.len() as u64) < count {
            // SAFETY: the probe has one thread, so the child may do whatever the parent may.
            match unsafe { fork() } {
                Ok(ForkResult::Child) => {
                    drop(write);
                    let ended = File::from(read).read(&mut [0]);
                    exit(i32::from(ended.is_err()))
                }
                Ok(ForkResult::Parent { child }) => self.children.push(child),
                Err(errno) => failed = Some(errno),
            }
        }
        self.hold = Some(write);
        report.fact("children", self.children.len());
        report.step("fork", failed.map_or(Ok(()), |errno| Err(errno.into())))
    }

    fn end(&mut self) -> Step {
        self.hold = None;
        for child in self.children.drain(..) {
            waitpid(child, None)?;
        }
        Ok(())
    }
}
