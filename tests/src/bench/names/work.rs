//! The process that is measured. It reads commands from standard input, one a line, and answers each with a number.

use std::{
    io::{self, BufRead, Read, Write},
    net::{IpAddr, Ipv4Addr, TcpStream, UdpSocket},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{link::FAR, scheduling, streams},
    hello::hello,
    operation::Operation,
    server::{DNS, FAR_NAME, NUMBERED},
};
use crate::{
    dns::{A, AAAA, INTERNET, Message, Writer, name_bytes},
    error::{Context, Error, Outcome},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two questions: 800 in a second, which is fewer than are forwarded for an agent.
const PAUSE: Duration = Duration::from_micros(1250);
/// What a datagram carries.
static DATAGRAM: [u8; 64] = [7; 64];

/// The loop of the worker; it ends with its input.
pub fn work() -> Outcome {
    println!("ready");
    let mut wires = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        let answer = match words[..] {
            ["forwarded", first, count] => forwarded(number(first)?, number(count)?)?,
            ["remembered", count] => remembered(number(count)?)?,
            ["learn", first, count] => learn(number(first)?, number(count)?)?,
            ["flood", per_second, seconds] => flood(number(per_second)?, number(seconds)?)?,
            ["resolve"] => u64::from(ask(&asker()?, FAR_NAME, A)?.1 == Some(FAR.into())),
            [operation, count] => {
                let unknown = || Error::Failed(format!("a worker cannot do `{line}`"));
                let operation = Operation::named(operation).ok_or_else(unknown)?;
                let count = number(count)?;
                let wires = match &mut wires {
                    Some(wires) => wires,
                    none => none.insert(Wires::open()?),
                };
                // After a pause caches and predictors are cold.
                wires.perform(operation, count / 8 + 1).context(operation)?;
                let begin = Instant::now();
                wires.perform(operation, count).context(operation)?;
                nanoseconds(begin.elapsed())
            }
            _ => return Err(Error::Failed(format!("a worker cannot do `{line}`"))),
        };
        println!("{answer}");
    }
    Ok(())
}

fn number<T: std::str::FromStr>(word: &str) -> Outcome<T> {
    word.parse()
        .map_err(|_| Error::Failed(format!("{word} is no number")))
}

fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// A socket that asks the far name server, or, of an agent, the daemon.
fn asker() -> Outcome<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("bind a socket")?;
    socket.connect((FAR, DNS)).context("connect a socket")?;
    socket
        .set_read_timeout(Some(PATIENCE))
        .context("limit the wait for answers")?;
    Ok(socket)
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    // It is to be resolved.
    Writer::new(7, 0x0100)
        .question(&name_bytes(name), kind, INTERNET)
        .finish()
}

/// How long an answer takes, and the address that it gives.
fn ask(socket: &UdpSocket, name: &str, kind: u16) -> Outcome<(Duration, Option<IpAddr>)> {
    let (message, mut buffer) = (question(name, kind), [0; 1500]);
    let begin = Instant::now();
    socket.send(&message).context("ask")?;
    let length = socket.recv(&mut buffer).context("wait for an answer")?;
    let took = begin.elapsed();
    let answer = Message::read(&buffer[..length]);
    Ok((took, answer.and_then(|it| it.addresses().first().copied())))
}

/// The median of so many answers, in nanoseconds. Each must have an address.
fn median(count: u32, name: impl Fn(u32) -> String, kind: u16) -> Outcome<u64> {
    let (socket, mut times) = (asker()?, Vec::new());
    for number in 0..count {
        let (took, address) = ask(&socket, &name(number), kind)?;
        if address.is_none() {
            return Err(Error::Failed(format!("{} has no address", name(number))));
        }
        times.push(took);
        thread::sleep(PAUSE);
    }
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied();
    Ok(nanoseconds(middle.unwrap_or_default()))
}

fn forwarded(first: u32, count: u32) -> Outcome<u64> {
    median(
        count,
        |number| format!("n{}{NUMBERED}", first + number),
        AAAA,
    )
}

fn remembered(count: u32) -> Outcome<u64> {
    median(count, |_| FAR_NAME.to_owned(), A)
}

/// Asks for so many names, and answers how many have an address.
fn learn(first: u32, count: u32) -> Outcome<u64> {
    let socket = asker()?;
    let mut known = 0;
    for number in first..first + count {
        let (_, address) = ask(&socket, &format!("n{number}{NUMBERED}"), AAAA)?;
        known += u64::from(address.is_some());
        thread::sleep(PAUSE);
    }
    Ok(known)
}

/// Asks for one name so many times in a second, and answers how many answers are missing in the end.
fn flood(per_second: u32, seconds: u32) -> Outcome<u64> {
    let socket = Arc::new(asker()?);
    // What is lost is to be lost by others.
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBufForce, &(16 << 20))
        .map_err(io::Error::from)?;
    let all = per_second * seconds;
    let receiver = {
        let socket = Arc::clone(&socket);
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            (0..all)
                .take_while(|_| socket.recv(&mut buffer).is_ok())
                .count()
        })
    };
    let message = question(FAR_NAME, A);
    let begun = Instant::now();
    for number in 0..all {
        // In bursts of a millisecond.
        if number % (per_second / 1000).max(1) == 0 {
            let due = Duration::from_secs(1) * number / per_second;
            thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        socket.send(&message).context("ask")?;
    }
    let late = begun
        .elapsed()
        .saturating_sub(Duration::from_secs(seconds.into()));
    if late > Duration::from_millis(200) {
        return Err(Error::Failed(format!(
            "{per_second} questions a second cannot be asked here: it took {late:?} longer"
        )));
    }
    let answered = receiver
        .join()
        .map_err(|_| Error::Failed("the receiver panicked".into()))?;
    Ok(u64::from(all) - answered as u64)
}

/// What is measured in real time, on one processor.
struct Wires {
    datagrams: UdpSocket,
    exchange: TcpStream,
    bulk: TcpStream,
    hello: Vec<u8>,
}

impl Wires {
    fn open() -> Outcome<Self> {
        scheduling::pin().context("bind the worker to a CPU")?;
        scheduling::real_time();
        let hello = hello(FAR_NAME);
        let begin = |operation: Operation| -> Outcome<TcpStream> {
            let stream = greet(operation, &hello).context(format!("connect for {operation}"))?;
            stream.set_nodelay(true).context("set an option")?;
            Ok(stream)
        };
        Ok(Self {
            datagrams: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("bind a socket")?,
            exchange: begin(Operation::Exchange)?,
            bulk: begin(Operation::Bulk)?,
            hello,
        })
    }

    fn perform(&mut self, operation: Operation, count: u64) -> io::Result<()> {
        match operation {
            Operation::Connect => streams::connect((FAR, operation.port()).into(), count)?,
            Operation::Hello => {
                for _ in 0..count {
                    streams::end(greet(operation, &self.hello)?)?;
                }
            }
            Operation::Exchange => streams::exchange(&mut self.exchange, count)?,
            Operation::Bulk => streams::pour(&mut self.bulk, count)?,
            Operation::Datagram => {
                for _ in 0..count {
                    self.datagrams.send_to(&DATAGRAM, (FAR, operation.port()))?;
                }
            }
        }
        Ok(())
    }
}

/// A connection that begins as TLS does, and was answered.
fn greet(operation: Operation, hello: &[u8]) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((FAR, operation.port()))?;
    stream.write_all(hello)?;
    stream.read_exact(&mut [0])?;
    Ok(stream)
}
