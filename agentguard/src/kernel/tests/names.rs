//! Rules by name: where questions go, and what answers open.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, UdpSocket},
    os::fd::AsRawFd as _,
    time::Duration,
};

use agentguard_common::{
    address::Address,
    decision::Reason,
    event::{Event, Operation},
    names::{Asker, ServerName},
    protocol::Protocol,
    scope::FLAG_NAMES,
};

use super::{
    agent::{run, said, start},
    stage::{AGENT, Stage, rule, scope},
};
use crate::kernel::{resolvers, tables};

const NOT_PERMITTED: &str = "PermissionDenied";
/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;

/// Cookie of the network namespace that the test is in (Linux 5.14).
fn netns() -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut cookie = 0_u64;
    let mut size: libc::socklen_t = 8;
    // SAFETY: the option is a number of eight bytes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            71,
            (&raw mut cookie).cast(),
            &raw mut size,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    cookie
}

pub(super) fn boot_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    assert_eq!(
        // SAFETY: it writes to the structure that it is given.
        unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) },
        0
    );
    u64::try_from(time.tv_sec).unwrap() * SECOND + u64::try_from(time.tv_nsec).unwrap()
}

/// Answers one question at an address of both protocols, and says from where it came.
struct Server {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Server {
    fn new(ip: &str) -> Self {
        let tcp = TcpListener::bind(format!("{ip}:0")).unwrap();
        let udp = UdpSocket::bind(tcp.local_addr().unwrap()).unwrap();
        let patience = Some(Duration::from_secs(5));
        udp.set_read_timeout(patience).unwrap();
        Self { udp, tcp }
    }

    fn address(&self) -> SocketAddr {
        self.udp.local_addr().unwrap()
    }

    fn answer(&self, protocol: Protocol) -> SocketAddr {
        let mut question = [0; 64];
        if protocol == Protocol::Udp {
            let (length, from) = self.udp.recv_from(&mut question).unwrap();
            assert_eq!(&question[..length], b"question");
            self.udp.send_to(b"answer", from).unwrap();
            return from;
        }
        let (mut stream, from) = self.tcp.accept().unwrap();
        stream.read_exact(&mut question[..8]).unwrap();
        stream.write_all(b"answer").unwrap();
        from
    }
}

#[test]
fn questions_go_to_the_resolver_and_come_back_from_the_server() {
    let mut stage = Stage::new(1);
    let servers = [Server::new("127.0.0.1"), Server::new("[::1]")];
    for server in &servers {
        assert!(
            stage
                .resolvers
                .set(netns(), AGENT, server.address())
                .unwrap()
        );
    }
    for (server, number) in [
        ("192.0.2.53:53", 0),
        ("127.0.0.53:53", 0),
        ("[::ffff:192.0.2.53]:53", 0),
        ("[2001:db8::53]:53", 1),
        ("[::]:53", 1),
    ] {
        for how in ["send", "udp", "tcp"] {
            let child = start(&stage.cgroup.0, &format!("ask {how} {server}"));
            let pid = child.id();
            let protocol = match how {
                "tcp" => Protocol::Tcp,
                _ => Protocol::Udp,
            };
            let from = servers[number].answer(protocol);
            let asker = stage.resolvers.asker(netns(), from, protocol).unwrap();
            let said = said(child);
            assert_eq!(said, [format!("{server} answer")], "{how} {server}");
            let asker: Asker = asker.unwrap();
            assert_eq!((asker.agent, asker.pid), (AGENT, pid), "{how} {server}");
            assert_ne!((asker.instance, asker.started_ns), (0, 0));
            let name = std::str::from_utf8(&asker.comm).unwrap();
            assert!(!name.trim_end_matches('\0').is_empty());
        }
    }
}

#[test]
fn who_listens_where_the_daemon_did_is_not_asked() {
    let mut stage = Stage::new(1);
    let server = Server::new("127.0.0.1");
    for stays in [true, false] {
        let address = server.address();
        assert!(stage.resolvers.set(netns(), AGENT, address).unwrap());
        let mut child = start(&stage.cgroup.0, "ask-again 192.0.2.53:53");
        server.answer(Protocol::Udp);
        if !stays {
            stage.resolvers.clear(netns(), AGENT).unwrap();
        }
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        let second = if stays { "asked" } else { NOT_PERMITTED };
        assert_eq!(said(child), ["answered", second]);
        server.udp.set_nonblocking(true).unwrap();
        assert_eq!(server.udp.recv(&mut [0; 64]).is_ok(), stays);
        server.udp.set_nonblocking(false).unwrap();
    }
}

#[test]
fn without_a_resolver_questions_are_refused_and_the_daemon_is_told() {
    let mut stage = Stage::new(1);
    let mut events = tables::take_events(&mut stage.loaded.ebpf).unwrap();
    let mut arrivals = resolvers::take_arrivals(&mut stage.loaded.ebpf).unwrap();
    for how in ["send", "udp", "tcp"] {
        let said = run(&stage.cgroup.0, &format!("ask {how} 192.0.2.53:53"));
        assert_eq!(said, [NOT_PERMITTED], "{how}");
        let item = events.next().unwrap();
        // SAFETY: the buffer holds events, and every bit pattern is one.
        let event = unsafe { item.as_ptr().cast::<Event>().read_unaligned() };
        assert_eq!(event.reason, Reason::NoResolver as u8);
        assert_eq!(
            (event.address, event.port),
            (Address::from_v4(0xc000_0235), 53)
        );
        let operation = if how == "send" {
            Operation::Send
        } else {
            Operation::Connect
        };
        assert_eq!(event.operation, operation as u8);
    }
    let mut told = 0;
    while let Some(item) = arrivals.next() {
        let arrival = resolvers::arrival(&item).unwrap();
        assert_eq!((arrival.netns, arrival.agent), (netns(), AGENT));
        assert_ne!(arrival.pid, 0);
        told += 1;
    }
    // The program that was executed, and the question.
    assert!(told >= 6, "{told}");
}

#[test]
fn what_was_learned_opens_until_it_expires() {
    let listener = TcpListener::bind("127.0.0.77:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut stage = Stage::new(address.port());
    let learned = Address::from_v4(0x7f00_004d);
    let connect = format!("connect {address}");
    assert_eq!(run(&stage.cgroup.0, &connect), [NOT_PERMITTED]);

    let names = stage.names();
    assert!(
        names
            .learn(&learned, rule(), boot_ns() + 60 * SECOND)
            .unwrap()
    );
    assert_eq!(names.len(), 1);
    for _ in 0..2 {
        assert_eq!(run(&stage.cgroup.0, &connect), ["connected"]);
        drop(listener.accept().unwrap());
    }

    // What is connected stays so, under the next scope too; nothing new is opened.
    let mut child = start(&stage.cgroup.0, &format!("keep {address}"));
    let (mut stream, _) = listener.accept().unwrap();
    assert!(names.learn(&learned, rule(), boot_ns()).unwrap());
    assert_eq!(names.len(), 1);
    assert_eq!(run(&stage.cgroup.0, &connect), [NOT_PERMITTED]);
    let next = scope(address.port(), FLAG_NAMES);
    stage
        .tables
        .install(&[(AGENT, &next)], |all| {
            assert_eq!(all.len(), 1);
            assert!(all[0].old.as_ref().is_some_and(|old| old.len() == 1));
            let new = all[0].new.as_ref().unwrap();
            new.learn(&learned, rule(), boot_ns()).map(drop)
        })
        .unwrap();
    assert_eq!(run(&stage.cgroup.0, &connect), [NOT_PERMITTED]);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut byte = [0];
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream.read_exact(&mut byte).unwrap();
    stream.write_all(&byte).unwrap();
    assert_eq!(said(child), ["connected", "answered"]);

    // One that is forgotten is closed at the next scope.
    names.forget(&learned).unwrap();
    assert!(names.is_empty());
}

#[test]
fn a_table_grows_and_keeps_what_it_has() {
    let listener = TcpListener::bind("127.0.0.78:0").unwrap();
    let mut stage = Stage::new(listener.local_addr().unwrap().port());
    let names = stage.names();
    let empty = names.memory();
    assert!(empty < 16 << 10, "an empty one takes {empty} bytes");
    let later = boot_ns() + 60 * SECOND;
    let connect = format!("connect {}", listener.local_addr().unwrap());
    let own = Address::from_v4(0x7f00_004e);
    assert!(names.learn(&own, rule(), later).unwrap());
    // Past the room that there is at each size, up to the last but one.
    for step in [63, 64, 256, 1024, 4095] {
        let first = u32::try_from(names.len()).unwrap();
        for number in first..step {
            let name = ServerName::new(format!("n{number}.test").as_bytes()).unwrap();
            assert!(names.learn(&Address::from_v4(number), rule(), 1).unwrap());
            assert!(names.learn_name(&name, rule(), later).unwrap());
        }
        assert_eq!(run(&stage.cgroup.0, &connect), ["connected"], "{step}");
        drop(listener.accept().unwrap());
    }
    assert_eq!(names.len(), 4095);
    assert!(names.memory() > 16 * empty);

    // Of a scope that is replaced it does not grow any more: its place is another's.
    let next = scope(listener.local_addr().unwrap().port(), FLAG_NAMES);
    stage.tables.install(&[(AGENT, &next)], |_| Ok(())).unwrap();
    for (number, has_room) in [(4095, true), (4096, false)] {
        let address = Address::from_v4(number);
        assert_eq!(names.learn(&address, rule(), later).unwrap(), has_room);
    }
    assert_eq!(run(&stage.cgroup.0, &connect), [NOT_PERMITTED]);
    assert!(stage.names().is_empty());
}

#[test]
fn a_table_says_that_it_is_full() {
    let stage = Stage::new(1);
    let names = stage.names();
    let mut count = 0;
    for number in 0.. {
        if !names.learn(&Address::from_v4(number), rule(), 1).unwrap() {
            break;
        }
        count += 1;
    }
    assert_eq!(count, agentguard_common::limits::MAX_LEARNED);
    assert!(names.learn(&Address::from_v4(0), rule(), 2).unwrap());
    names.forget(&Address::from_v4(0)).unwrap();
    assert!(names.learn(&Address::from_v4(u32::MAX), rule(), 2).unwrap());
}
