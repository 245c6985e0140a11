//! What can be done with files, Unix sockets and processes: each access is tried by itself, whatever became of
//! the others.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::{
        fd::AsRawFd,
        linux::net::SocketAddrExt,
        unix::{
            fs::{PermissionsExt, symlink},
            net::{SocketAddr, UnixStream},
        },
    },
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::kill,
        stat::Mode,
    },
    unistd::{Pid, chroot, mkfifo, truncate},
};

use super::{Reading, Report, Step, Technique, arguments::Arguments, child::in_child};
use crate::error::Outcome;

pub(super) const TECHNIQUES: &[Technique] = &[("accesses", accesses)];

/// `accesses WHAT…`: each is a word and its operands, `rename /a /b`. Those behind `child` are tried by a
/// program that is started for them.
fn accesses(report: &mut Report, arguments: &Arguments) -> Step {
    let mut all = arguments.0.iter();
    while let Some(what) = all.next() {
        let words: Vec<&str> = what.split(' ').collect();
        match words.as_slice() {
            ["child"] => {
                let reading = by_a_child(all.as_slice())?;
                report.merge(reading);
                return Ok(());
            }
            // What cannot be taken back is tried by a process of its own.
            ["mount" | "chroot" | "namespace", ..] => in_child(report, |report| {
                report.note(what, apart(&words));
                Ok(())
            })?,
            _ => {
                report.note(what, one(&words));
            }
        }
    }
    Ok(())
}

fn one(words: &[&str]) -> io::Result<()> {
    match *words {
        ["read", path] => File::open(path)?.read(&mut [0; 1]).map(drop),
        ["list", path] => fs::read_dir(path).map(drop),
        ["write", path] => OpenOptions::new().write(true).open(path)?.write_all(b"x"),
        ["truncate", path] => truncate(path, 0).map_err(Into::into),
        ["create", path] => File::create_new(path).map(drop),
        ["remove", path] => fs::remove_file(path),
        ["mkdir", path] => fs::create_dir(path),
        ["rmdir", path] => fs::remove_dir(path),
        ["rename", from, to] => fs::rename(from, to),
        ["link", from, to] => fs::hard_link(from, to),
        ["symlink", target, path] => symlink(target, path),
        ["fifo", path] => mkfifo(path, Mode::S_IRWXU).map_err(Into::into),
        ["chmod", path] => fs::set_permissions(path, Permissions::from_mode(0o600)),
        ["exec", path] => run(Path::new(path)),
        ["exec-memory", path] => {
            let memory = memfd_create(c"copy", MFdFlags::empty())?;
            let path = fs::read(path)?;
            File::from(memory.try_clone()?).write_all(&path)?;
            run(Path::new(&format!("/proc/self/fd/{}", memory.as_raw_fd())))
        }
        ["connect", path] => UnixStream::connect(path).map(drop),
        ["connect-abstract", name] => {
            let address = SocketAddr::from_abstract_name(name)?;
            UnixStream::connect_addr(&address).map(drop)
        }
        ["signal", pid] => {
            let pid = pid.parse().map_err(io::Error::other)?;
            kill(Pid::from_raw(pid), None).map_err(Into::into)
        }
        _ => Err(io::Error::other(format!("{words:?} is not understood"))),
    }
}

/// In namespaces of its own, in which it is root whoever it was.
fn apart(words: &[&str]) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    match *words {
        ["namespace"] => Ok(()),
        // The file beneath the first directory, by the second.
        ["mount", from, to, file] => {
            let none: Option<&str> = None;
            mount(Some(from), to, none, MsFlags::MS_BIND, none)?;
            one(&["read", &format!("{to}/{file}")])
        }
        ["chroot", directory, file] => {
            chroot(directory)?;
            one(&["read", file])
        }
        _ => Err(io::Error::other(format!("{words:?} is not understood"))),
    }
}

fn run(program: &Path) -> io::Result<()> {
    let status = Command::new(program)
        .args(["probe", "exit", "0"])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

fn by_a_child(what: &[String]) -> Outcome<Reading> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .args(["probe", "accesses"])
        .args(what)
        // There is no /dev/null that it may open.
        .stdin(Stdio::inherit())
        .output()?;
    Reading::parse(&String::from_utf8_lossy(&output.stdout))
}
