//! A name server that says what the script says, also what no name server would.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    addresses::{FORGER, SERVER, SERVER6},
    replies::{fitting, forge, simple},
    zone::{self, Script},
};
use crate::{
    dns::{INTERNET, Message},
    error::{Context, Outcome},
    world::NetNs,
};

/// The port of name servers.
pub const PORT: u16 = 53;
/// How often a thread looks whether it should stop.
const TICK: Duration = Duration::from_millis(50);

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct Scripted {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How often a name, in lower case, was asked for, and by which types.
    asked: Mutex<HashMap<String, Vec<u16>>>,
    moved: AtomicBool,
    silent: AtomicBool,
    stop: AtomicBool,
}

impl Scripted {
    /// Starts on its addresses.
    pub(super) fn start(inside: &NetNs) -> Outcome<Self> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        let forger = inside.run(|| udp(FORGER))?;
        for address in [SERVER, SERVER6] {
            let (datagrams, connections) = inside.run(|| Ok((udp(address)?, tcp(address)?)))?;
            let forger = forger.try_clone().context("share a socket")?;
            let state = shared.clone();
            threads.push(thread::spawn(move || {
                serve_datagrams(&datagrams, &forger, &state);
            }));
            let state = shared.clone();
            threads.push(thread::spawn(move || {
                serve_connections(&connections, &state);
            }));
        }
        Ok(Self { shared, threads })
    }

    /// By which types a name was asked for so far.
    pub fn asked(&self, name: &str) -> Vec<u16> {
        let asked = self.shared.asked.lock();
        let asked = asked.unwrap_or_else(PoisonError::into_inner);
        asked.get(name).cloned().unwrap_or_default()
    }

    /// How many questions it has got so far.
    pub fn questions(&self) -> usize {
        let asked = self.shared.asked.lock();
        let asked = asked.unwrap_or_else(PoisonError::into_inner);
        asked.values().map(Vec::len).sum()
    }

    /// Says from now on (or no more) that names that move are elsewhere.
    pub fn move_names(&self, moved: bool) {
        self.shared.moved.store(moved, Ordering::Relaxed);
    }

    /// Answers nothing from now on, or answers again.
    pub fn fall_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("a thread of the name server panicked");
            }
        }
    }
}

impl Shared {
    /// The question of a message, its answer by the script, and whether the message says how large it may be.
    fn consult(&self, message: &Message) -> Option<Script> {
        let question = message.questions.first()?;
        let name = question.name.to_ascii_lowercase();
        let count = {
            let asked = self.asked.lock();
            let mut asked = asked.unwrap_or_else(PoisonError::into_inner);
            let kinds = asked.entry(name.clone()).or_default();
            kinds.push(question.kind);
            u32::try_from(kinds.len() - 1).unwrap_or(u32::MAX)
        };
        if self.silent.load(Ordering::Relaxed) {
            return Some(Script::Silence);
        }
        let moved = self.moved.load(Ordering::Relaxed);
        Some(zone::script(&name, question.kind, count, moved))
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn udp(address: IpAddr) -> Outcome<UdpSocket> {
    let socket = UdpSocket::bind((address, PORT)).context(format!("bind UDP {address}"))?;
    let limited = socket.set_read_timeout(Some(TICK));
    limited.context("limit the wait for questions")?;
    Ok(socket)
}

fn tcp(address: IpAddr) -> Outcome<TcpListener> {
    let listener = TcpListener::bind((address, PORT)).context(format!("bind TCP {address}"))?;
    let listening = listener.set_nonblocking(true);
    listening.context("set a listener non-blocking")?;
    Ok(listener)
}

fn serve_datagrams(socket: &UdpSocket, forger: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 4096];
    while !shared.is_over() {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let Some(message) = Message::read(&buffer[..length]) else {
            continue;
        };
        let Some(script) = shared.consult(&message) else {
            continue;
        };
        // Whoever asked may be gone: that is its affair.
        drop(answer_datagram(socket, forger, from, &message, script));
    }
}

fn answer_datagram(
    socket: &UdpSocket,
    forger: &UdpSocket,
    to: SocketAddr,
    message: &Message,
    script: Script,
) -> io::Result<()> {
    match script {
        Script::Silence => Ok(()),
        Script::Late(by, said) => {
            let (socket, answer) = (socket.try_clone()?, fitting(message, &said));
            thread::spawn(move || {
                thread::sleep(by);
                // Likewise.
                drop(socket.send_to(&answer, to));
            });
            Ok(())
        }
        Script::Forged(said) => {
            forge(socket, forger, to, message)?;
            socket.send_to(&fitting(message, &said), to).map(drop)
        }
        other => {
            if let Some(bytes) = simple(message, &other, true) {
                socket.send_to(&bytes, to)?;
            }
            Ok(())
        }
    }
}

fn serve_connections(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.is_over() {
        match listener.accept() {
            Ok((stream, _)) => {
                let shared = shared.clone();
                thread::spawn(move || {
                    // The connection ends as it likes.
                    drop(serve_connection(stream, &shared));
                });
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn serve_connection(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    while !shared.is_over() {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut bytes)?;
        let message = Message::read(&bytes)
            .filter(|message| message.questions.iter().all(|it| it.class == INTERNET));
        let Some(message) = message else {
            return Ok(());
        };
        let Some(answer) = shared
            .consult(&message)
            .and_then(|script| simple(&message, &script, false))
        else {
            return Ok(());
        };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat())?;
    }
    Ok(())
}
