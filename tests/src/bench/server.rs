//! The other end: threads of the benchmark itself, outside every scope.

use std::{
    io,
    net::{TcpListener, TcpStream, UdpSocket},
    thread,
};

use super::{
    link::{FAR, Link},
    operation::Operation,
    scheduling, streams,
};
use crate::{
    error::{Context, Outcome},
    sys,
};

/// The byte with which a datagram begins that wants an answer.
pub(super) const ANSWER: u8 = 1;

/// What becomes of a connection.
type Service = fn(TcpStream) -> io::Result<()>;

/// Holds the socket where datagrams are dropped: nobody reads it, and its buffer is full.
#[derive(Debug)]
pub(super) struct Servers {
    _sink: UdpSocket,
}

impl Servers {
    /// Starts them. The threads end with the process.
    pub(super) fn start(link: &Link) -> Outcome<Self> {
        let listen = |operation: Operation| {
            link.far.run(|| {
                TcpListener::bind((FAR, operation.port()))
                    .context(format!("listen for {operation}"))
            })
        };
        let services: [(Operation, Service); 3] = [
            (Operation::Connect, |stream| {
                drop(stream);
                Ok(())
            }),
            (Operation::Exchange, |stream| serve(stream, streams::answer)),
            (Operation::Bulk, |stream| {
                stream.set_nodelay(true)?;
                serve(stream, streams::swallow)
            }),
        ];
        for (operation, service) in services {
            let listener = listen(operation)?;
            thread::spawn(move || {
                prepare();
                for stream in listener.incoming() {
                    if let Err(error) = stream.and_then(service) {
                        eprintln!("the server of {operation}: {error}");
                    }
                }
            });
        }
        let sink = link.far.run(|| {
            let port = Operation::Datagram.port();
            UdpSocket::bind((FAR, port)).context("bind the sink of datagrams")
        })?;
        sys::set_flag(&sink, libc::SOL_SOCKET, libc::SO_RCVBUF, 1).context("shrink a buffer")?;
        let reader = link.far.run(|| {
            let port = Operation::Delivery.port();
            UdpSocket::bind((FAR, port)).context("bind the reader of datagrams")
        })?;
        thread::spawn(move || {
            prepare();
            // An error is a peer that has gone.
            loop {
                let _ = read(&reader);
            }
        });
        Ok(Self { _sink: sink })
    }
}

fn prepare() {
    if let Err(error) = scheduling::pin() {
        eprintln!("a server cannot be bound to a CPU: {error}");
    }
    scheduling::real_time();
}

/// Serves a connection in a thread of its own until the peer closes it.
#[expect(clippy::unnecessary_wraps, reason = "the type of a service")]
fn serve(stream: TcpStream, service: fn(&mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    thread::spawn(move || {
        prepare();
        let mut stream = stream;
        // The end of a worker is the end of its connections.
        while service(&mut stream).is_ok() {}
    });
    Ok(())
}

/// Reads one datagram.
fn read(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 64];
    let (_, peer) = socket.recv_from(&mut buffer)?;
    if buffer[0] == ANSWER {
        socket.send_to(&[0], peer)?;
    }
    Ok(())
}
