//! Sockets that stay open while the harness changes the world.

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    thread,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Report, Step, Technique, arguments::Arguments, report::name_of};
use crate::sys;

pub(super) const TECHNIQUES: &[Technique] = &[
    ("tcp-hold", tcp_hold),
    ("tcp-hold-bound", tcp_hold_bound),
    ("udp-hold", udp_hold),
    ("wait", wait),
];

/// Tells the harness that the interesting part begins.
pub(super) fn ready() {
    println!("ready");
    // Nobody may read any more; the end of standard input tells it as well.
    drop(std::io::stdout().flush());
}

/// Whether the harness has closed standard input.
pub(super) fn released() -> bool {
    let input = std::io::stdin();
    let mut wait = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut wait, PollTimeout::ZERO), Ok(1..))
}

/// A connection on which a byte is written again and again.
fn tcp_hold(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let made = sys::socket(super::arguments::family(to), libc::SOCK_STREAM, 0);
    let socket = report.step("socket", made)?;
    sys::timeouts(&socket, Duration::from_secs(3))?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    super::tcp::exchange(report, &socket)?;
    write_until_released(report, &[socket]);
    Ok(())
}

/// Likewise, one connection from each of two own addresses, which it then tries to bind again:
/// `tcp-hold-bound TO FIRST SECOND`.
fn tcp_hold_bound(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let mut sockets = Vec::new();
    for local in [arguments.internet(1)?, arguments.internet(2)?] {
        let made = sys::socket(super::arguments::family(to), libc::SOCK_STREAM, 0);
        let socket = report.step("socket", made)?;
        sys::set_flag(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        sys::timeouts(&socket, Duration::from_secs(3))?;
        report.step("bind", sys::bind(&socket, &local.into()))?;
        report.step("connect", sys::connect(&socket, &to.into()))?;
        super::tcp::exchange(report, &socket)?;
        // The kernel refuses that, and asks the hook before it does.
        let again = sys::bind(&socket, &local.into());
        let refused = again.is_err_and(|error| error.raw_os_error() == Some(libc::EINVAL));
        report.fact("bound-again", !refused);
        sockets.push(socket);
    }
    write_until_released(report, &sockets);
    Ok(())
}

/// A connected datagram socket, likewise.
fn udp_hold(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = super::udp::datagram(report, to)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    super::tcp::exchange(report, &socket)?;
    write_until_released(report, &[socket]);
    Ok(())
}

pub(super) fn write_until_released(report: &mut Report, sockets: &[OwnedFd]) {
    let (mut passed, mut refused, mut last_error) = (0_u64, 0_u64, String::new());
    ready();
    while !released() {
        for socket in sockets {
            match sys::send_to(socket, b"more", libc::MSG_DONTWAIT, None) {
                Ok(_) => passed += 1,
                Err(error) => {
                    refused += u64::from(error.raw_os_error() == Some(libc::EPERM));
                    last_error = name_of(&error);
                }
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    report.fact("passed", passed);
    report.fact("refused", refused);
    report.fact("last-error", last_error);
}

/// Waits for the harness, then sends: `wait TO`.
fn wait(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    ready();
    while !released() {
        thread::sleep(Duration::from_millis(1));
    }
    super::udp::ping(report, to)
}
