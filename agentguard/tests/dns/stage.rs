//! An agent's client, the resolver, and an upstream server.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use agentguard::dns::{Agent, Askers, Config, Listener, Resolver, Sockets};
use hickory_proto::{op::Message, rr::RData};
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    fakes::{AGENT, Everybody, Log, Names, Table},
    zone::{Script, Upstream, zone},
};

pub(crate) struct Stage {
    pub(crate) upstream: Upstream,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) agent: Arc<Agent>,
    pub(crate) table: Arc<Table>,
    pub(crate) log: Arc<Log>,
    pub(crate) everybody: Arc<Everybody>,
    pub(crate) v4: SocketAddr,
    pub(crate) v6: Option<SocketAddr>,
    _listener: Listener,
}

/// Waits are short, since some servers never answer.
pub(crate) fn config() -> Config {
    Config {
        timeout: Duration::from_millis(500),
        deadline: Duration::from_secs(2),
        ..Config::default()
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Arc::new(zone), config()).await
    }

    pub(crate) async fn with(script: Script, config: Config) -> Self {
        let upstream = Upstream::start(script).await;
        let resolver = Resolver::new(config, vec![upstream.address]);
        Self::of(upstream, resolver, Names::default())
    }

    pub(crate) fn of(upstream: Upstream, resolver: Arc<Resolver>, names: Names) -> Self {
        let (table, log) = (Arc::new(Table::default()), Arc::new(Log::default()));
        let agent = Agent::new(
            AGENT,
            Arc::new(names),
            table.clone(),
            Arc::clone(&resolver),
            log.clone(),
        );
        let everybody = Arc::new(Everybody {
            agent: AGENT,
            stranger: Mutex::default(),
        });
        let sockets = Sockets::bind().unwrap();
        let (v4, v6) = (sockets.v4(), sockets.v6());
        let askers: Arc<dyn Askers> = everybody.clone();
        let listener = Listener::start(&agent, &askers, sockets).unwrap();
        Self {
            upstream,
            resolver,
            agent,
            table,
            log,
            everybody,
            v4,
            v6,
            _listener: listener,
        }
    }

    pub(crate) async fn client(&self) -> UdpSocket {
        client(self.v4).await
    }

    /// The answer to a question over UDP.
    pub(crate) async fn ask(&self, name: &str, record_type: u16) -> Answer {
        self.send(&question(name, record_type))
            .await
            .expect("an answer")
    }

    /// What is answered to a message, if anything is soon.
    pub(crate) async fn send(&self, message: &[u8]) -> Option<Answer> {
        exchange(&self.client().await, message).await
    }
}

pub(crate) async fn client(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    let socket = UdpSocket::bind(any).await.unwrap();
    socket.connect(server).await.unwrap();
    socket
}

pub(crate) async fn exchange(socket: &UdpSocket, message: &[u8]) -> Option<Answer> {
    socket.send(message).await.unwrap();
    let mut buffer = vec![0; 65_535];
    // Shorter than what is never answered is waited for, longer than a busy machine takes.
    let length = timeout(Duration::from_secs(8), socket.recv(&mut buffer))
        .await
        .ok()?
        .unwrap();
    buffer.truncate(length);
    Some(Answer::new(buffer))
}

/// A question with id 0x1234 and RD.
pub(crate) fn question(name: &str, record_type: u16) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len().try_into().unwrap());
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(record_type.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// [`question`] with EDNS.
pub(crate) fn edns_question(name: &str, record_type: u16, payload: u16) -> Vec<u8> {
    let mut message = question(name, record_type);
    message[11] = 1;
    message.extend([0, 0, 41]);
    message.extend(payload.to_be_bytes());
    message.extend([0, 0, 0x80, 0, 0, 0]);
    message
}

/// What a client was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) message: Message,
}

impl Answer {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let message = Message::from_vec(&bytes).expect("a readable answer");
        Self { bytes, message }
    }

    pub(crate) fn code(&self) -> u16 {
        self.message.metadata.response_code.into()
    }

    /// The addresses in it.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let texts = self
            .message
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(a) => Some(a.to_string()),
                RData::AAAA(aaaa) => Some(aaaa.to_string()),
                _ => None,
            });
        texts.collect()
    }
}
