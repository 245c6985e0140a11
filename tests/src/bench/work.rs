//! The process that is measured. It reads `OPERATION COUNT` from standard input and answers the
//! nanoseconds that so many operations took.

use std::{
    io::{self, BufRead},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    time::Instant,
};

use super::{link::FAR, operation::Operation, scheduling, server::ANSWER, streams};
use crate::error::{Context, Error, Outcome};

/// What a datagram carries.
static DATAGRAM: [u8; 64] = [7; 64];
/// What a datagram carries that asks for an answer.
static LAST_DATAGRAM: [u8; 64] = [ANSWER; 64];
/// How many datagrams are on their way before one asks for an answer: fewer than a buffer holds.
const FLIGHT: u64 = 64;

/// The loop of the worker; it ends with its input.
pub fn work() -> Outcome {
    scheduling::pin().context("bind the worker to a CPU")?;
    scheduling::real_time();
    let mut sockets = Sockets::open()?;
    println!("ready");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (operation, count) =
            parse(&line).ok_or_else(|| Error::Failed(format!("a worker cannot do `{line}`")))?;
        // After a pause caches and predictors are cold.
        sockets
            .perform(operation, count / 8 + 1)
            .context(operation)?;
        let begin = Instant::now();
        sockets.perform(operation, count).context(operation)?;
        println!("{}", begin.elapsed().as_nanos());
    }
    Ok(())
}

fn parse(line: &str) -> Option<(Operation, u64)> {
    let (operation, count) = line.split_once(' ')?;
    Some((Operation::named(operation)?, count.parse().ok()?))
}

struct Sockets {
    datagrams: UdpSocket,
    exchange: TcpStream,
    bulk: TcpStream,
}

impl Sockets {
    fn open() -> Outcome<Self> {
        let connect = |operation: Operation| {
            let stream = TcpStream::connect((FAR, operation.port()))?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        Ok(Self {
            datagrams: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("bind a socket")?,
            exchange: connect(Operation::Exchange).context("connect for exchanges")?,
            bulk: connect(Operation::Bulk).context("connect for bulk transfers")?,
        })
    }

    fn perform(&mut self, operation: Operation, count: u64) -> io::Result<()> {
        match operation {
            Operation::Connect => streams::connect((FAR, operation.port()).into(), count)?,
            Operation::Datagram => {
                for _ in 0..count {
                    self.datagrams.send_to(&DATAGRAM, (FAR, operation.port()))?;
                }
            }
            Operation::Delivery => {
                let to = (FAR, operation.port());
                for number in 1..=count {
                    if number % FLIGHT == 0 || number == count {
                        self.datagrams.send_to(&LAST_DATAGRAM, to)?;
                        self.datagrams.recv(&mut [0])?;
                    } else {
                        self.datagrams.send_to(&DATAGRAM, to)?;
                    }
                }
            }
            Operation::Exchange => streams::exchange(&mut self.exchange, count)?,
            Operation::Bulk => streams::pour(&mut self.bulk, count)?,
        }
        Ok(())
    }
}
