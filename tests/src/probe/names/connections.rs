//! Connections to what a name is found to be.

use std::net::SocketAddr;

use super::asking::resolve;
use crate::{
    dns::{A, AAAA},
    probe::{
        Report, Step, Technique,
        arguments::{Arguments, family},
        hold, tcp, udp,
    },
    sys,
};

pub(in crate::probe) const TECHNIQUES: &[Technique] = &[
    ("name-tcp", connect),
    ("name-tcp6", connect6),
    ("name-udp", datagram),
    ("name-tcp-to", connect_to),
    ("name-tcp-hold", connect_and_hold),
    ("name-tcp-late", connect_late),
];

/// `name-tcp SERVER NAME PORT`: a question, and a connection to the first address.
fn connect(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    exchange(report, to)
}

fn connect6(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, AAAA)?;
    exchange(report, to)
}

fn datagram(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    let socket = udp::datagram(report, to)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    tcp::exchange(report, &socket)
}

/// `name-tcp-to SERVER NAME TO`: a question, and a connection to something else.
fn connect_to(report: &mut Report, arguments: &Arguments) -> Step {
    resolve(report, arguments.internet(0)?, arguments.text(1)?, A)?;
    exchange(report, arguments.internet(2)?)
}

/// `name-tcp-hold SERVER NAME PORT`: writes on it until it is released.
fn connect_and_hold(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    let socket = report.step("socket", sys::socket(family(to), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, tcp::PATIENCE)?;
    report.step("connect", sys::connect(&socket, &to.into()))?;
    tcp::exchange(report, &socket)?;
    hold::write_until_released(report, &[socket]);
    Ok(())
}

/// `name-tcp-late SERVER NAME PORT`: a question; it connects when it is released.
fn connect_late(report: &mut Report, arguments: &Arguments) -> Step {
    let to = look_up(report, arguments, A)?;
    hold::ready();
    while !hold::released() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    exchange(report, to)
}

/// The first address of a name, with the port.
pub(super) fn look_up(report: &mut Report, arguments: &Arguments, kind: u16) -> Step<SocketAddr> {
    let addresses = resolve(report, arguments.internet(0)?, arguments.text(1)?, kind)?;
    let port = arguments.parse(2)?;
    report.fact("address", addresses[0].to_string());
    Ok(SocketAddr::new(addresses[0], port))
}

fn exchange(report: &mut Report, to: SocketAddr) -> Step {
    let socket = report.step("socket-tcp", sys::socket(family(to), libc::SOCK_STREAM, 0))?;
    sys::timeouts(&socket, tcp::PATIENCE)?;
    report.step("connect-tcp", sys::connect(&socket, &to.into()))?;
    tcp::exchange(report, &socket)
}
