//! Connections that are permitted if TLS is told a name.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Child,
    time::Duration,
};

use agentguard_common::{
    address::Address,
    decision::Reason,
    event::{Operation, SHORT_TEXT, ShortEvent},
    names::ServerName,
    scope::FLAG_NAMES,
    tls::Kind,
};

use super::{
    agent::{said, start},
    stage::{AGENT, Stage, rule, scope_by},
};
use crate::kernel::tables;

const HELLO: &[u8] = include_bytes!("../../../../agentguard-common/tests/tls/python.bin");
const NO_NAME: &[u8] = include_bytes!("../../../../agentguard-common/tests/tls/curl-address.bin");
/// Longer than a packet of most networks, with a name behind the longest part of it.
const BROWSER: &[u8] = include_bytes!("../../../../agentguard-common/tests/tls/safari.bin");
const ENCRYPTED: &[u8] = include_bytes!("../../../../agentguard-common/tests/tls/chrome.bin");
const NAME: &[u8] = b"api.example.com";
const OTHER: &[u8] = b"bad.example.com";
/// No answer came.
const TIMED_OUT: &str = "WouldBlock";

/// The same with another name of the same length.
fn with_name(hello: &[u8], name: &[u8]) -> Vec<u8> {
    let at = hello.windows(NAME.len()).position(|it| it == NAME).unwrap();
    let mut hello = hello.to_vec();
    hello[at..at + name.len()].copy_from_slice(name);
    hello
}

struct Site {
    stage: Stage,
    listener: TcpListener,
}

impl Site {
    /// One that may be named in TLS at one address, and at no other.
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.78:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut site = Self {
            stage: Stage::new(port),
            listener,
        };
        site.install(NAME);
        site
    }

    fn install(&mut self, name: &[u8]) {
        let port = self.listener.local_addr().unwrap().port();
        let scope = scope_by(port, FLAG_NAMES, rule());
        self.stage
            .tables
            .install(&[(AGENT, &scope)], |_| Ok(()))
            .unwrap();
        let names = self.stage.names();
        let address = Address::from_v4(0x7f00_004e);
        assert!(names.learn(&address, rule(), u64::MAX).unwrap());
        let name = ServerName::new(name).unwrap();
        assert!(names.learn_name(&name, rule(), u64::MAX).unwrap());
    }

    fn start(&self, how: &str, hello: &[u8]) -> (Child, TcpStream) {
        let to = self.listener.local_addr().unwrap();
        let mut child = start(&self.stage.cgroup.0, &format!("hello {to} {how}"));
        send(&mut child, hello);
        let (stream, _) = self.listener.accept().unwrap();
        (child, stream)
    }
}

/// Tells an agent what to send.
fn send(child: &mut Child, bytes: &[u8]) {
    let mut stdin = child.stdin.as_ref().unwrap();
    for byte in bytes {
        write!(stdin, "{byte:02x}").unwrap();
    }
    writeln!(stdin).unwrap();
}

/// Answers if all of the bytes came.
fn answer(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut came = vec![0; bytes.len()];
    stream.read_exact(&mut came)?;
    assert_eq!(came, bytes);
    stream.write_all(b"x")
}

#[test]
fn a_server_name_that_is_permitted_goes_through() {
    let site = Site::new();
    for hello in [HELLO, BROWSER, &with_name(HELLO, b"API.Example.COM")] {
        let (mut child, mut stream) = site.start("whole", hello);
        answer(&mut stream, hello).unwrap();
        // Whatever follows is not looked at.
        send(&mut child, b"GET / HTTP/1.1");
        answer(&mut stream, b"GET / HTTP/1.1").unwrap();
        send(&mut child, b"");
        assert_eq!(said(child), ["answered", "answered", "done"]);
    }
}

#[test]
fn whatever_else_comes_first_is_refused_and_recorded_once() {
    let mut site = Site::new();
    let mut events = tables::take_events(&mut site.stage.loaded.ebpf).unwrap();
    let other = with_name(HELLO, OTHER);
    let nul = with_name(HELLO, b"api.example\0com");
    for (how, hello, kind, text) in [
        ("whole", &other[..], Kind::Name, OTHER),
        ("whole", &nul, Kind::BadName, b"api.example\0com"),
        ("whole", NO_NAME, Kind::NoName, b""),
        ("whole", ENCRYPTED, Kind::Encrypted, NAME),
        ("whole", b"GET / HTTP/1.1\r\n\r\n", Kind::NotTls, b""),
        ("whole", &HELLO[..5], Kind::Split, b""),
        ("split", HELLO, Kind::Split, b""),
        ("urgent", HELLO, Kind::Malformed, b""),
    ] {
        let (child, mut stream) = site.start(how, hello);
        assert!(answer(&mut stream, &hello[..1]).is_err(), "{kind:?}");
        assert_eq!(said(child), [TIMED_OUT], "{kind:?}");
        let item = events.next().unwrap();
        // SAFETY: the buffer holds such events, and every bit pattern is one.
        let record = unsafe { item.as_ptr().cast::<ShortEvent>().read_unaligned() };
        let event = record.event;
        assert_eq!(event.operation, Operation::Tls as u8, "{kind:?}");
        assert_eq!(event.reason, Reason::ServerName as u8, "{kind:?}");
        assert_eq!(Kind::from_number(event.access), Some(kind));
        let length = usize::from(event.text);
        assert!(length <= SHORT_TEXT);
        assert_eq!(&record.text[..length], text, "{kind:?}");
        drop(item);
        // Retransmissions are counted, not recorded.
        assert!(events.next().is_none(), "{kind:?}");
    }
}

#[test]
fn what_was_said_holds_under_the_next_scope() {
    let mut site = Site::new();
    let (mut child, mut stream) = site.start("whole", HELLO);
    answer(&mut stream, HELLO).unwrap();
    site.install(NAME);
    send(&mut child, b"more");
    answer(&mut stream, b"more").unwrap();
    site.install(OTHER);
    // Another name does not help it.
    let other = with_name(HELLO, OTHER);
    send(&mut child, &other);
    assert!(answer(&mut stream, &other).is_err());
    assert_eq!(said(child), ["answered", "answered", TIMED_OUT]);
}

#[test]
fn a_connection_that_said_nothing_to_us_cannot_say_it_later() {
    let mut site = Site::new();
    let port = site.listener.local_addr().unwrap().port();
    let any = scope_by(port, FLAG_NAMES, agentguard_common::rules::RuleSet::EMPTY);
    site.stage
        .tables
        .install(&[(AGENT, &any)], |_| Ok(()))
        .unwrap();
    let names = site.stage.names();
    let address = Address::from_v4(0x7f00_004e);
    assert!(names.learn(&address, rule(), u64::MAX).unwrap());
    let (mut child, mut stream) = site.start("whole", b"something else");
    answer(&mut stream, b"something else").unwrap();
    site.install(NAME);
    send(&mut child, HELLO);
    assert!(answer(&mut stream, HELLO).is_err());
    assert_eq!(said(child), ["answered", TIMED_OUT]);
}

#[test]
fn a_socket_that_connects_again_says_it_again() {
    let site = Site::new();
    for (second, last) in [
        (HELLO.to_vec(), "answered"),
        (with_name(HELLO, OTHER), TIMED_OUT),
    ] {
        let (mut child, mut stream) = site.start("whole", HELLO);
        answer(&mut stream, HELLO).unwrap();
        send(&mut child, b"again");
        let (mut stream, _) = site.listener.accept().unwrap();
        send(&mut child, &second);
        assert_eq!(answer(&mut stream, &second).is_ok(), last == "answered");
        if last == "answered" {
            send(&mut child, b"");
            assert_eq!(said(child), ["answered", "answered", "done"]);
        } else {
            assert_eq!(said(child), ["answered", TIMED_OUT]);
        }
    }
}
