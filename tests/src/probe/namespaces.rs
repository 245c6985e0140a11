//! Other namespaces.

use std::{fs::File, net::SocketAddr, time::Duration};

use nix::sched::{CloneFlags, setns, unshare};

use super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
    child::in_child,
    udp::{datagram, ping, ping_from},
};
use crate::sys;

pub(super) const TECHNIQUES: &[Technique] = &[
    ("unshare-net-udp", udp_from_before),
    ("unshare-net-tcp", tcp_from_before),
    ("unshare-net-return", go_and_return),
    ("unshare-net-inside", inside),
    ("unshare-all", unshare_all),
];

const USER_AND_NET: CloneFlags = CloneFlags::CLONE_NEWUSER.union(CloneFlags::CLONE_NEWNET);

/// A datagram socket made before leaving for an empty network namespace.
fn udp_from_before(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = datagram(report, to)?;
    report.step("unshare", unshare(USER_AND_NET).map_err(Into::into))?;
    ping_from(report, &socket, to)
}

/// A stream socket made before leaving for an empty network namespace.
fn tcp_from_before(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let socket = report.step("socket", sys::socket(family(to), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, Duration::from_secs(3))?;
    report.step("unshare", unshare(USER_AND_NET).map_err(Into::into))?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    super::tcp::exchange(report, &socket)
}

/// Away and back by a descriptor of the old namespace, as root.
fn go_and_return(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let home = File::open("/proc/self/ns/net")?;
    report.step(
        "unshare",
        unshare(CloneFlags::CLONE_NEWNET).map_err(Into::into),
    )?;
    report.step(
        "setns",
        setns(&home, CloneFlags::CLONE_NEWNET).map_err(Into::into),
    )?;
    ping(report, to)
}

/// In a namespace of its own that has the address.
fn inside(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    report.step("unshare", unshare(USER_AND_NET).map_err(Into::into))?;
    if let SocketAddr::V4(v4) = to {
        report.step("address", sys::set_interface_address("lo", *v4.ip()))?;
    }
    ping(report, to)
}

/// `unshare -Urpf --mount-proc`: the child is process 1 of its own world.
fn unshare_all(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(0)?;
    let flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
    report.step("unshare", unshare(flags).map_err(Into::into))?;
    in_child(report, |report| {
        report.fact("pid-inside", std::process::id());
        let mounted = nix::mount::mount(
            Some("proc"),
            "/proc",
            Some("proc"),
            nix::mount::MsFlags::empty(),
            None::<&str>,
        );
        // Not every kernel lets the child do that; the technique does not depend on it.
        report.fact("mounted-proc", mounted.is_ok());
        ping(report, to)
    })
}
