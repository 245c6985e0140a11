//! Attempts to be somebody else.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use nix::unistd::{ForkResult, fork, getppid, setsid};

use super::{Report, Step, Stop, Technique, arguments::Arguments, child, udp::ping};
use crate::{error::Error, host::cgroup};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("sub-cgroup", sub_cgroup),
    ("deep-cgroup", deep_cgroup),
    ("rename", rename),
    ("daemonise", daemonise),
    ("control-socket", control_socket),
];

/// Makes cgroups beneath its own, `ARGUMENTS[1]` deep, moves into the lowest and sends.
fn sub_cgroup(report: &mut Report, arguments: &Arguments) -> Step {
    let depth: usize = arguments.parse(1)?;
    let mut directory = own_cgroup()?;
    for level in 0..depth {
        directory.push(format!("sub{level}"));
    }
    report.step("mkdir", fs::create_dir_all(&directory))?;
    report.step("move", fs::write(directory.join("cgroup.procs"), "0"))?;
    send(report, arguments)
}

/// The directory of the cgroup of this process.
pub(super) fn own_cgroup() -> Result<PathBuf, Stop> {
    let text = fs::read_to_string("/proc/self/cgroup")?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.ok_or_else(|| Error::Failed("no cgroup v2 for this process".into()))?;
    Ok(cgroup::mount_point()?.join(path))
}

/// `deep-cgroup TO LEVELS`: moves into a cgroup whose path is longer than any system call takes, waits
/// for the harness and sends.
fn deep_cgroup(report: &mut Report, arguments: &Arguments) -> Step {
    let levels: usize = arguments.parse(1)?;
    std::env::set_current_dir(own_cgroup()?)?;
    for _ in 0..levels {
        let name = "d".repeat(250);
        report.step("mkdir", fs::create_dir(&name))?;
        report.step("chdir", std::env::set_current_dir(&name))?;
    }
    report.step("move", fs::write("cgroup.procs", "0"))?;
    super::hold::ready();
    while !super::hold::released() {
        thread::sleep(Duration::from_millis(2));
    }
    send(report, arguments)
}

/// Takes another name and sends.
fn rename(report: &mut Report, arguments: &Arguments) -> Step {
    let name = std::ffi::CString::new(arguments.text(1)?).map_err(std::io::Error::other)?;
    report.step(
        "prctl",
        nix::sys::prctl::set_name(&name).map_err(Into::into),
    )?;
    send(report, arguments)
}

/// Double fork, new session, and on when everybody else is gone.
fn daemonise(report: &mut Report, arguments: &Arguments) -> Step {
    let first = std::process::id().cast_signed();
    // SAFETY: the probe has one thread, so the child may do whatever the parent may.
    if let ForkResult::Parent { .. } = unsafe { fork() }? {
        return Err(Stop::Silent);
    }
    report.step("setsid", setsid().map_err(Into::into))?;
    let second = std::process::id().cast_signed();
    // SAFETY: as above.
    if let ForkResult::Parent { .. } = unsafe { fork() }? {
        child::exit(0);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while [first, second].contains(&getppid().as_raw()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_millis(100));
    report.fact("pid", std::process::id());
    report.fact("reparented", getppid().as_raw() != second);
    send(report, arguments)
}

fn send(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    ping(report, to)
}

/// Asks the daemon on its socket, and notes the status line of the answer.
fn control_socket(report: &mut Report, arguments: &Arguments) -> Step {
    use std::io::{Read, Write};
    let connected = std::os::unix::net::UnixStream::connect(arguments.text(0)?);
    let mut stream = report.step("connect", connected)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!(
        "{} HTTP/1.1\r\nHost: agentguard\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        arguments.text(1)?
    );
    // The daemon may hang up before it has read everything: the answer counts.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    report.fact("answer", text.lines().next().unwrap_or_default());
    Ok(())
}
