//! The far end: a name server, and what the measured connections go to.

use std::{
    io::{self, Read, Write},
    net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket},
    thread,
};

use super::{
    super::{
        link::{FAR, Link},
        scheduling, streams,
    },
    hello::HELLO,
    operation::Operation,
};
use crate::{
    dns::{A, AAAA, INTERNET, Message, Record, Writer, name_bytes},
    error::{Context, Outcome},
};

/// Where the name server answers.
pub(super) const DNS: u16 = 53;
/// The name of the far end.
pub(super) const FAR_NAME: &str = "far.bench.example";
/// Behind `n17` this is a name with an address of its own.
pub(super) const NUMBERED: &str = ".numbered.bench.example";
/// For how many seconds an answer holds: longer than a run.
const TTL: u32 = 7200;
/// The first of the numbered addresses.
const FIRST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x79, 0, 0, 0, 0, 0);

/// Holds the socket where datagrams are dropped: nobody reads it, and its buffer is full.
#[derive(Debug)]
pub(super) struct Servers {
    _sink: UdpSocket,
}

impl Servers {
    /// Starts them. The threads end with the process.
    pub(super) fn start(link: &Link) -> Outcome<Self> {
        let names = link
            .far
            .run(|| UdpSocket::bind((FAR, DNS)).context("bind the name server"))?;
        thread::spawn(move || {
            // An error is a peer that has gone.
            loop {
                drop(answer(&names));
            }
        });
        for (operation, serve) in [
            (
                Operation::Connect,
                (|_| Ok(())) as fn(TcpStream) -> io::Result<()>,
            ),
            (Operation::Hello, greet),
            (Operation::Exchange, exchange),
            (Operation::Bulk, swallow),
        ] {
            let listener = link.far.run(|| {
                TcpListener::bind((FAR, operation.port()))
                    .context(format!("listen for {operation}"))
            })?;
            thread::spawn(move || {
                prepare();
                for stream in listener.incoming().flatten() {
                    if operation.is_short() {
                        // The end of a connection is the worker's affair.
                        drop(serve(stream));
                    } else {
                        thread::spawn(move || {
                            prepare();
                            drop(serve(stream));
                        });
                    }
                }
            });
        }
        let sink = link.far.run(|| {
            UdpSocket::bind((FAR, Operation::Datagram.port())).context("bind the sink of datagrams")
        })?;
        crate::sys::set_flag(&sink, libc::SOL_SOCKET, libc::SO_RCVBUF, 1)
            .context("shrink a buffer")?;
        Ok(Self { _sink: sink })
    }
}

fn prepare() {
    if let Err(error) = scheduling::pin() {
        eprintln!("a server cannot be bound to a CPU: {error}");
    }
    scheduling::real_time();
}

/// Answers one question.
fn answer(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 1500];
    let (length, from) = socket.recv_from(&mut buffer)?;
    let Some(message) = Message::read(&buffer[..length]) else {
        return Ok(());
    };
    let Some(question) = message.questions.first() else {
        return Ok(());
    };
    let name = question.name.to_ascii_lowercase();
    let number = name
        .strip_suffix(NUMBERED)
        .and_then(|label| label.strip_prefix('n')?.parse::<u32>().ok());
    let address = match (question.kind, number) {
        (A, None) if name == FAR_NAME => Some(FAR.into()),
        (AAAA, Some(number)) => {
            Some(Ipv6Addr::from_bits(FIRST.to_bits() + u128::from(number)).into())
        }
        _ => None,
    };
    // An answer, of one who resolves.
    let owner = name_bytes(&question.name);
    let mut said = Writer::new(message.id, 0x8180).question(&owner, question.kind, INTERNET);
    if let Some(address) = address {
        said = said.answer(&owner, TTL, &Record::Address(address));
    }
    socket.send_to(&said.finish(), from).map(drop)
}

/// Reads what TLS begins with, and says that it was there.
fn greet(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; HELLO])?;
    stream.write_all(&[1])
}

fn exchange(mut stream: TcpStream) -> io::Result<()> {
    greet(stream.try_clone()?)?;
    loop {
        streams::answer(&mut stream)?;
    }
}

fn swallow(mut stream: TcpStream) -> io::Result<()> {
    greet(stream.try_clone()?)?;
    loop {
        streams::swallow(&mut stream)?;
    }
}
