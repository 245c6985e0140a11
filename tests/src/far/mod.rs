//! Services that stand at the other end: they answer, and they count what they got.

mod connection;

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{
    ensure,
    error::{Context, Outcome},
    sys::{self, SockAddr},
    world::NetNs,
};
use connection::Connection;

/// What one address and port of a service has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections accepted.
    pub accepted: u64,
    /// Bytes received on them.
    pub bytes: u64,
    /// Datagrams received.
    pub datagrams: u64,
}

type Tallies = Arc<Mutex<HashMap<SocketAddr, Tally>>>;

/// TCP and UDP echo on some ports of some addresses. A TCP connection whose first bytes are an
/// HTTP GET is answered as such, so that real clients are content.
#[derive(Debug)]
pub struct Service {
    tallies: Tallies,
    open: Arc<AtomicUsize>,
    hang_up: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// `TCP_FASTOPEN` queue of a listener.
const FAST_OPEN_QUEUE: i32 = 64;
/// How often the thread looks whether it should stop, in milliseconds.
const TICK: u16 = 20;

impl Service {
    /// Starts in a namespace. TCP listens on every address, of both families.
    pub fn start(inside: &NetNs, addresses: &[IpAddr], ports: &[u16]) -> Outcome<Self> {
        Ok(Self::serve(inside.run(|| open(addresses, ports))?))
    }

    /// Starts in a namespace, on nothing but these.
    pub fn at(inside: &NetNs, streams: &[SocketAddr], datagrams: &[SocketAddr]) -> Outcome<Self> {
        let sockets = inside.run(|| {
            let tcp = streams
                .iter()
                .map(|at| listener(*at).context(format!("listen on TCP {at}")));
            let udp = datagrams.iter().map(|at| receiver(*at));
            Ok(Sockets {
                tcp: tcp.collect::<Outcome<_>>()?,
                udp: udp.collect::<Outcome<_>>()?,
            })
        })?;
        Ok(Self::serve(sockets))
    }

    fn serve(sockets: Sockets) -> Self {
        let (tallies, open) = (Tallies::default(), Arc::new(AtomicUsize::new(0)));
        let [hang_up, stop] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let mut reactor = Reactor {
            sockets,
            connections: Vec::new(),
            tallies: tallies.clone(),
            open: open.clone(),
            hang_up: hang_up.clone(),
        };
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                reactor.turn();
            }
        });
        Self {
            tallies,
            open,
            hang_up,
            stop,
            thread: Some(thread),
        }
    }

    /// What this address and port has got so far.
    pub fn tally(&self, at: SocketAddr) -> Tally {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.get(&at).copied().unwrap_or_default()
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Resets the connections whose last packets never come, as they were refused. They would stay, and the
    /// other end would go on trying.
    pub fn hang_up(&self) -> Outcome {
        self.hang_up.store(true, Ordering::Release);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.hang_up.load(Ordering::Acquire) {
            ensure!(Instant::now() < deadline, "a service does not hang up");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the thread of a service panicked");
        }
    }
}

#[derive(Debug)]
struct Sockets {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

fn open(addresses: &[IpAddr], ports: &[u16]) -> Outcome<Sockets> {
    let (mut tcp, mut udp) = (Vec::new(), Vec::new());
    for port in ports {
        let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port));
        tcp.push(listener(everywhere).context(format!("listen on TCP port {port}"))?);
        // A link-local address would need its interface; arrivals there are counted on the wire.
        for address in addresses.iter().filter(|address| !is_link_local(**address)) {
            udp.push(receiver(SocketAddr::new(*address, *port))?);
        }
    }
    Ok(Sockets { tcp, udp })
}

const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn receiver(at: SocketAddr) -> Outcome<UdpSocket> {
    let socket = UdpSocket::bind(at).context(format!("bind UDP {at}"))?;
    let nonblocking = socket.set_nonblocking(true);
    nonblocking.context("set UDP socket non-blocking")?;
    Ok(socket)
}

fn listener(at: SocketAddr) -> io::Result<TcpListener> {
    let family = if at.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let socket = sys::socket(family, libc::SOCK_STREAM, 0)?;
    sys::set_flag(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    sys::bind(&socket, &SockAddr::from(at))?;
    sys::set_flag(
        &socket,
        libc::IPPROTO_TCP,
        libc::TCP_FASTOPEN,
        FAST_OPEN_QUEUE,
    )?;
    sys::listen(&socket)?;
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

struct Reactor {
    sockets: Sockets,
    connections: Vec<Connection>,
    tallies: Tallies,
    open: Arc<AtomicUsize>,
    hang_up: Arc<AtomicBool>,
}

impl Reactor {
    fn turn(&mut self) {
        // Asked first, done last: a connection that is there but not accepted yet is ended, too.
        let hangs_up = self.hang_up.load(Ordering::Acquire);
        self.serve();
        if hangs_up {
            self.connections.drain(..).for_each(Connection::reset);
            self.open.store(0, Ordering::Release);
            self.hang_up.store(false, Ordering::Release);
        }
    }

    fn serve(&mut self) {
        let listeners = self.sockets.tcp.iter().map(AsFd::as_fd);
        let datagrams = self.sockets.udp.iter().map(AsFd::as_fd);
        let connections = self.connections.iter().map(AsFd::as_fd);
        let mut waits: Vec<_> = listeners
            .chain(datagrams)
            .chain(connections)
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        if !matches!(poll(&mut waits, PollTimeout::from(TICK)), Ok(1..)) {
            return;
        }
        let ready: Vec<i32> = waits
            .iter()
            .filter(|wait| wait.any().unwrap_or(true))
            .map(|wait| wait.as_fd().as_raw_fd())
            .collect();
        let is_ready = |fd: &dyn AsRawFd| ready.contains(&fd.as_raw_fd());
        for socket in self.sockets.udp.iter().filter(|socket| is_ready(*socket)) {
            echo(socket, &self.tallies);
        }
        let tallies = &self.tallies;
        self.connections
            .retain_mut(|connection| !is_ready(connection) || connection.read(tallies));
        for listener in self
            .sockets
            .tcp
            .iter()
            .filter(|listener| is_ready(*listener))
        {
            while let Ok((stream, _)) = listener.accept() {
                self.connections.extend(Connection::new(stream, tallies));
            }
        }
        self.open.store(self.connections.len(), Ordering::Release);
    }
}

/// Returns every datagram that waits.
fn echo(socket: &UdpSocket, tallies: &Tallies) {
    let Ok(local) = socket.local_addr() else {
        return;
    };
    let mut buffer = [0; 2048];
    while let Ok((len, from)) = socket.recv_from(&mut buffer) {
        add(tallies, local, |tally| tally.datagrams += 1);
        // The sender may be gone: that is its affair.
        drop(socket.send_to(&buffer[..len], from));
    }
}

fn add(tallies: &Tallies, at: SocketAddr, change: impl FnOnce(&mut Tally)) {
    let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
    change(tallies.entry(at).or_default());
}
