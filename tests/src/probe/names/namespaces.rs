//! Names in network namespaces that a process makes itself.

use nix::sched::{CloneFlags, unshare};

use super::forms;
use crate::{
    dns::{A, INTERNET, Message, RESPONSE, Record, Writer, name_bytes},
    probe::{Report, Step, Technique, arguments::Arguments, udp::datagram},
    sys,
};

pub(in crate::probe) const TECHNIQUES: &[Technique] = &[
    ("dns-own-namespace", own_namespace),
    ("dns-own-server", own_server),
];

/// `dns-own-namespace SERVER NAME`: asks in a network namespace where nothing is but loopback.
fn own_namespace(report: &mut Report, arguments: &Arguments) -> Step {
    let flags = CloneFlags::CLONE_NEWNET;
    report.step("unshare", unshare(flags).map_err(Into::into))?;
    let here = std::net::Ipv4Addr::LOCALHOST;
    report.step("address", sys::set_interface_address("lo", here))?;
    let server = arguments.internet(0)?;
    let message = forms::message("plain", arguments.text(1)?, A)?;
    let socket = datagram(report, server)?;
    report.step("connect", sys::connect(&socket, &server.into()))?;
    let sent = sys::send_to(&socket, &message, 0, None);
    report.step("send", sent).map(drop)
}

/// `dns-own-server AT NAME TO`: is its own name server, which says that the name is at `TO`, asks itself, and goes there.
fn own_server(report: &mut Report, arguments: &Arguments) -> Step {
    let (at, name) = (arguments.internet(0)?, arguments.text(1)?);
    let to = arguments.internet(2)?;
    let server = datagram(report, at)?;
    report.step("bind", sys::bind(&server, &at.into()))?;
    let client = datagram(report, at)?;
    report.step("connect", sys::connect(&client, &at.into()))?;
    let message = forms::message("plain", name, A)?;
    report.step("send", sys::send_to(&client, &message, 0, None))?;
    let asker = sys::local_address(&client)?;
    let mut buffer = [0; 1500];
    // It may have gone to somebody else.
    sys::timeouts(&server, std::time::Duration::from_millis(300))?;
    let got = sys::recv_from(&server, &mut buffer).ok();
    if let Some(question) = got.and_then(|(length, _)| Message::read(&buffer[..length])) {
        let wire = name_bytes(name);
        let answer = Writer::new(question.id, RESPONSE)
            .question(&wire, A, INTERNET)
            .answer(&wire, 300, &Record::Address(to.ip()));
        let sent = sys::send_to(&server, &answer.finish(), 0, Some(&asker.into()));
        report.step("answer", sent)?;
    }
    let socket = report.step(
        "socket-tcp",
        sys::socket(libc::AF_INET, libc::SOCK_STREAM, 0),
    )?;
    sys::timeouts(&socket, crate::probe::tcp::PATIENCE)?;
    report.step("connect-tcp", sys::connect(&socket, &to.into()))?;
    crate::probe::tcp::exchange(report, &socket)
}
