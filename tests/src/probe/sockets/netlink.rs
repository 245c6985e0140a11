//! Messages to the kernel about interfaces, addresses and routes.

use std::{
    fs, io,
    net::Ipv4Addr,
    os::fd::{AsFd, OwnedFd},
};

use nix::sched::{CloneFlags, unshare};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("netlink-route", ask),
    ("netlink-change", change),
    ("netlink-apart", apart),
];

/// Types of messages (`linux/rtnetlink.h`).
const NEWLINK: u16 = 16;
const SETLINK: u16 = 19;
const GETADDR: u16 = 22;
const NEWROUTE: u16 = 24;
const DELROUTE: u16 = 25;

/// `NLM_F_REQUEST`, `NLM_F_ACK`, `NLM_F_DUMP`, `NLM_F_EXCL` and `NLM_F_CREATE` of `linux/netlink.h`.
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;
const EXCL: u16 = 0x200;
const CREATE: u16 = 0x400;

/// Questions before a message, if there are many.
const QUESTIONS: usize = 100;

/// Where the route leads that is made: RFC 5737.
const TO: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 0);

/// A message: header and content. Those that want an answer have the number 1.
fn message(kind: u16, flags: u16, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + content.len()).unwrap_or_default();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((REQUEST | flags).to_ne_bytes());
    bytes.extend(u32::from(flags & ACK != 0).to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A route over an interface, made or removed: `struct rtmsg`, `RTA_DST`, `RTA_OIF`.
fn route(kind: u16, flags: u16, interface: u32) -> Vec<u8> {
    // IPv4, 24 bits, the main table, static, on the link, unicast.
    let mut content = vec![2, 24, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0];
    content.extend([8, 0, 1, 0]);
    content.extend(TO.octets());
    content.extend([8, 0, 4, 0]);
    content.extend(interface.to_ne_bytes());
    message(kind, flags | ACK, &content)
}

/// An interface is made to be up: `struct ifinfomsg`.
fn up(kind: u16, interface: u32) -> Vec<u8> {
    let mut content = vec![0; 4];
    content.extend(interface.to_ne_bytes());
    // IFF_UP, and that only this is meant.
    content.extend(1_u32.to_ne_bytes());
    content.extend(1_u32.to_ne_bytes());
    message(kind, ACK, &content)
}

fn socket(report: &mut Report) -> Step<OwnedFd> {
    let made = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
    report.step("socket", made)
}

/// What the kernel answers to the message that wants an answer.
fn answer(socket: &OwnedFd) -> io::Result<()> {
    // Each of the messages before it can have an answer, too.
    for _ in 0..=QUESTIONS {
        let mut bytes = [0; 1024];
        sys::recv(&socket.as_fd(), &mut bytes)?;
        let word = |at: usize| i32::from_ne_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]));
        if word(8) == 1 {
            // `struct nlmsgerr` behind the header: the number of an error, or 0.
            return match word(16) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(-error)),
            };
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// What every C library asks: which addresses this host has.
fn ask(report: &mut Report, _: &Arguments) -> Step {
    let socket = socket(report)?;
    let question = message(GETADDR, DUMP, &[0; 4]);
    report.step("send", sys::send_to(&socket, &question, 0, None))?;
    report.step("recv", sys::recv(&socket, &mut [0; 4096]))?;
    report.fact("effect", "answered");
    Ok(())
}

/// `netlink-change HOW DEVICE`: a route is made, by itself, `behind` a question or behind `many`, or an interface is `set` to be up.
/// What was made is removed.
fn change(report: &mut Report, arguments: &Arguments) -> Step {
    let interface = sys::index_of(arguments.text(1)?)?;
    let socket = socket(report)?;
    let made = route(NEWROUTE, CREATE | EXCL, interface);
    let question = message(GETADDR, 0, &[0; 8]);
    let sent = match arguments.text(0)? {
        "route" => made,
        "behind" => [question, made].concat(),
        "many" => [question.repeat(QUESTIONS), made].concat(),
        "set" => up(SETLINK, interface),
        "new" => up(NEWLINK, interface),
        other => return Err(Error::Failed(format!("no such way: {other}")).into()),
    };
    report.step("send", sys::send_to(&socket, &sent, 0, None))?;
    report.step("answer", answer(&socket))?;
    report.fact("effect", "changed");
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    if routes.contains("006433C6") {
        sys::send_to(&socket, &route(DELROUTE, 0, interface), 0, None)?;
        answer(&socket)?;
    }
    Ok(())
}

/// In a user namespace and a network of its own the loopback interface is made to be up.
fn apart(report: &mut Report, _: &Arguments) -> Step {
    let flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET;
    report.step("unshare", unshare(flags).map_err(io::Error::from))?;
    let socket = socket(report)?;
    let sent = sys::send_to(&socket, &up(NEWLINK, 1), 0, None);
    report.step("send", sent)?;
    report.step("answer", answer(&socket))?;
    report.fact("effect", "changed");
    Ok(())
}
