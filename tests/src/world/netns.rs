//! Network namespaces that live as long as the value does.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use nix::sched::{CloneFlags, setns, unshare};

use crate::error::{Context, Outcome, failed};

/// A network namespace. It has no name and no mount: the kernel removes it with the last
/// descriptor, socket and process that hold it, however the test ends.
#[derive(Debug)]
pub struct NetNs(File);

impl NetNs {
    /// A new namespace.
    pub fn new() -> Outcome<Self> {
        let made = thread::spawn(|| -> io::Result<File> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        match made.join() {
            Ok(file) => Ok(Self(file.context("make a network namespace")?)),
            Err(_) => failed("the thread that makes a network namespace panicked"),
        }
    }

    /// Moves the calling thread in, for good.
    pub fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.0, CloneFlags::CLONE_NEWNET)?)
    }

    /// Runs a function in a thread inside. Sockets that it makes stay inside.
    pub fn run<T: Send>(&self, function: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter().context("enter a network namespace")?;
                function()
            });
            inside
                .join()
                .unwrap_or_else(|_| failed("a thread in a network namespace panicked"))
        })
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let fd = self.0.as_raw_fd();
        // SAFETY: between fork and exec only setns is called, which is async-signal-safe, on a
        // descriptor that the borrowed namespace keeps open until the command is spawned.
        unsafe {
            command
                .pre_exec(move || crate::sys::check(libc::setns(fd, libc::CLONE_NEWNET)).map(drop));
        }
        command
    }

    /// The one that a path names.
    pub fn open(path: &Path) -> Outcome<Self> {
        let opened = File::open(path);
        opened.context("open a network namespace").map(Self)
    }

    /// The command begins inside, which keeps the namespace until then.
    pub fn receive(self, command: &mut Command) {
        let file = self.0;
        // SAFETY: between fork and exec only setns is called, which is async-signal-safe; the closure owns the
        // descriptor.
        unsafe {
            command.pre_exec(move || {
                crate::sys::check(libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET)).map(drop)
            });
        }
    }

    /// A path that names it, for `ip link … netns PATH`.
    pub fn path(&self) -> PathBuf {
        let (pid, fd) = (std::process::id(), self.0.as_fd().as_raw_fd());
        PathBuf::from(format!("/proc/{pid}/fd/{fd}"))
    }
}
