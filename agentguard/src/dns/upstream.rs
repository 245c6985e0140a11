//! Asks upstream servers.
//!
//! Each question has its own socket, so a port that the kernel chose at random, and that socket is connected: the kernel
//! lets nothing through but what comes from the server. Id and case are random besides.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout_at},
};

use super::{
    Config,
    answer::{self, Answer, Foreign, Heard},
    cache::Key,
    counters::Counters,
    name,
    question::{HEADER, IN},
    reply::PAYLOAD,
};

/// Bytes that a datagram can have. It is more than is asked for: not every server cares.
const MAX_DATAGRAM: usize = 4096;
/// Datagrams that answer something else, after which somebody seems to be guessing: TCP cannot be guessed.
const MAX_FOREIGN: u32 = 8;

/// Why no server has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No server is known.
    NoServer,
    /// None has answered in time.
    TimedOut,
    /// Those that have answered cannot.
    Failed,
    /// There are too many questions already.
    Busy,
}

/// A question as it is sent.
struct Sent {
    id: u16,
    /// Name, type and class.
    section: Vec<u8>,
    has_edns: bool,
}

impl Sent {
    fn new(key: &Key, mixed_case: bool, has_edns: bool) -> Self {
        let mut section = name::wire(&key.name);
        if mixed_case {
            let mut bits = 0_u64;
            for (index, byte) in section
                .iter_mut()
                .filter(|byte| byte.is_ascii_alphabetic())
                .enumerate()
            {
                if index % 64 == 0 {
                    bits = rand::random();
                }
                if bits >> (index % 64) & 1 == 1 {
                    byte.make_ascii_uppercase();
                }
            }
        }
        section.extend(key.record_type.to_be_bytes());
        section.extend(IN.to_be_bytes());
        Self {
            id: rand::random(),
            section,
            has_edns,
        }
    }

    fn message(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEADER + self.section.len() + 11);
        message.extend(self.id.to_be_bytes());
        // RD, one question, and perhaps EDNS.
        message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(self.has_edns)]);
        message.extend(&self.section);
        if self.has_edns {
            message.extend([0, 0, 41]);
            message.extend(PAYLOAD.to_be_bytes());
            message.extend([0; 6]);
        }
        message
    }
}

/// Asks one server after the other, beginning with `first`, until one answers, and says which one that was.
pub(super) async fn ask(
    servers: &[SocketAddr],
    first: usize,
    key: &Key,
    config: &Config,
    counters: &Counters,
) -> Result<(Answer, usize), Failure> {
    if servers.is_empty() {
        return Err(Failure::NoServer);
    }
    let end = Instant::now() + config.deadline;
    let mut failure = Failure::TimedOut;
    // Twice, since datagrams are lost.
    for attempt in 0..servers.len() * 2 {
        let index = (first + attempt) % servers.len();
        let until = end.min(Instant::now() + config.timeout);
        if until <= Instant::now() {
            break;
        }
        match ask_one(servers[index], key, config, until, counters).await {
            Ok(Heard::Answer(answer)) => return Ok((answer, index)),
            Ok(Heard::Failed(code)) => {
                tracing::debug!(
                    "{} answers with code {code} for {}",
                    servers[index],
                    key.name
                );
                failure = Failure::Failed;
            }
            // Over TCP, too: nothing will be whole.
            Ok(Heard::Truncated) => failure = Failure::Failed,
            Err(error) => {
                counters.upstream_errors.add(1);
                tracing::debug!("{} does not answer: {error}", servers[index]);
            }
        }
    }
    Err(failure)
}

async fn ask_one(
    server: SocketAddr,
    key: &Key,
    config: &Config,
    until: Instant,
    counters: &Counters,
) -> io::Result<Heard> {
    let mut sent = Sent::new(key, config.mixed_case, true);
    let mut heard = over_udp(server, &sent, until, counters).await?;
    // A server from before EDNS.
    if matches!(heard, Some(Heard::Failed(1 | 4))) {
        sent = Sent::new(key, config.mixed_case, false);
        heard = over_udp(server, &sent, until, counters).await?;
    }
    match heard {
        Some(Heard::Truncated) | None => {
            counters.upstream_tcp.add(1);
            let sent = Sent::new(key, false, true);
            // It takes more ways to and fro.
            let until = until + config.timeout;
            within(until, over_tcp(server, &sent)).await
        }
        Some(heard) => Ok(heard),
    }
}

/// Asks over UDP. `None`: it has to be asked over TCP, where nobody can guess.
async fn over_udp(
    server: SocketAddr,
    sent: &Sent,
    until: Instant,
    counters: &Counters,
) -> io::Result<Option<Heard>> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    counters.upstream_udp.add(1);
    socket.send(&sent.message()).await?;
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut foreign = 0;
    loop {
        let length = within(until, socket.recv(&mut buffer)).await?;
        match answer::read(&buffer[..length], sent.id, &sent.section) {
            Ok(heard) => return Ok(Some(heard)),
            Err(Foreign::Case | Foreign::Unreadable) => return Ok(None),
            Err(Foreign::Other) => {
                counters.foreign.add(1);
                foreign += 1;
                if foreign == MAX_FOREIGN {
                    return Ok(None);
                }
            }
        }
    }
}

/// Asks over TCP.
async fn over_tcp(server: SocketAddr, sent: &Sent) -> io::Result<Heard> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let message = sent.message();
    let mut framed = Vec::with_capacity(2 + message.len());
    // A question is short.
    framed.extend(
        u16::try_from(message.len())
            .unwrap_or_default()
            .to_be_bytes(),
    );
    framed.extend(message);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await?;
    answer::read(&answer, sent.id, &sent.section)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it answers something else over TCP"))
}

async fn within<T>(until: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(until, work)
        .await
        .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn id_and_case_are_hard_to_guess() {
        let key = Key {
            name: "a-name.with.letters.example".into(),
            record_type: 28,
        };
        let sent: Vec<Sent> = (0..200).map(|_| Sent::new(&key, true, true)).collect();
        let ids: HashSet<u16> = sent.iter().map(|sent| sent.id).collect();
        let cases: HashSet<&[u8]> = sent.iter().map(|sent| sent.section.as_slice()).collect();
        assert!(ids.len() > 190, "{}", ids.len());
        assert!(cases.len() > 190, "{}", cases.len());
        let plain = Sent::new(&key, false, true);
        for sent in &sent {
            assert!(sent.section.eq_ignore_ascii_case(&plain.section));
            assert_eq!(sent.section[sent.section.len() - 4..], [0, 28, 0, 1]);
        }
    }
}
