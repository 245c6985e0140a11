//! An upstream server that a test scripts.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hickory_proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, SOA, TXT},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

/// What is sent for a question, one message after the other, and whether it came over TCP.
pub(crate) type Script = Arc<dyn Fn(&Message, bool) -> Vec<Vec<u8>> + Send + Sync>;

/// A question that has come.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) from: SocketAddr,
    pub(crate) message: Vec<u8>,
    pub(crate) is_tcp: bool,
}

/// A server on loopback, over UDP and TCP.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub(crate) async fn start(script: Script) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(over_udp(udp, Arc::clone(&script), Arc::clone(&seen)));
        tokio::spawn(over_tcp(tcp, script, Arc::clone(&seen)));
        Self { address, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn note(seen: &Mutex<Vec<Seen>>, message: &[u8], from: SocketAddr, is_tcp: bool) -> Message {
    let parsed = Message::from_vec(message).expect("the resolver sends questions");
    seen.lock().unwrap().push(Seen {
        from,
        message: message.to_vec(),
        is_tcp,
    });
    parsed
}

async fn over_udp(socket: UdpSocket, script: Script, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let question = note(&seen, &buffer[..length], from, false);
        for answer in script(&question, false) {
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

async fn over_tcp(listener: TcpListener, script: Script, seen: Arc<Mutex<Vec<Seen>>>) {
    loop {
        let (mut stream, from) = listener.accept().await.unwrap();
        let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok(length) = stream.read_u16().await {
                let mut message = vec![0; length.into()];
                stream.read_exact(&mut message).await.unwrap();
                let question = note(&seen, &message, from, true);
                for answer in script(&question, true) {
                    stream
                        .write_u16(answer.len().try_into().unwrap())
                        .await
                        .unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            }
        });
    }
}

pub(crate) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

/// An answer to the question without records.
pub(crate) fn reply(question: &Message) -> Message {
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.add_query(question.queries[0].clone());
    reply
}

pub(crate) fn record(owner: &Name, ttl: u32, data: &str) -> Record {
    let data = match data.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) => RData::A(A(v4)),
        Ok(std::net::IpAddr::V6(v6)) => RData::AAAA(AAAA(v6)),
        Err(_) => RData::CNAME(CNAME(name(data))),
    };
    Record::from_rdata(owner.clone(), ttl, data)
}

fn soa() -> Record {
    let data = SOA::new(name("ns.example"), name("root.example"), 1, 2, 3, 4, 30);
    Record::from_rdata(name("example"), 60, RData::SOA(data))
}

/// What the zone of the tests says.
pub(crate) fn zone(question: &Message, is_tcp: bool) -> Vec<Vec<u8>> {
    let query = &question.queries[0];
    let asked = query.name().clone();
    let text = asked.to_ascii().to_ascii_lowercase();
    let mut reply = reply(question);
    let is_v4 = query.query_type() == RecordType::A;
    let addresses: &[&str] = match (text.trim_end_matches('.'), is_v4) {
        ("a.example" | "short.example" | "only-a.example" | "observed.test", true) => {
            &["192.0.2.1"]
        }
        ("a.example", false) => &["2001:db8::1"],
        ("mixed.example", true) => &["10.0.0.1", "192.0.2.3", "127.0.0.1"],
        ("mixed.example", false) => &[
            "2001:db8::3",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
        ],
        ("inside.example" | "private.example", true) => &["10.0.0.5"],
        _ => &[],
    };
    let ttl = if text.starts_with("short") { 0 } else { 300 };
    for address in addresses {
        reply.add_answer(record(&asked, ttl, address));
    }
    match text.trim_end_matches('.') {
        "alias.example" if is_v4 => {
            // In no order, with another's records beside.
            reply.add_answer(record(&name("end.OTHER"), 20, "192.0.2.9"));
            reply.add_answer(record(&name("unasked.example"), 20, "192.0.2.66"));
            reply.add_answer(record(&name("middle.other"), 200, "end.other"));
            reply.add_answer(record(&asked, 100, "Middle.other"));
            reply.add_additional(record(&name("end.other"), 20, "192.0.2.67"));
        }
        "loop.example" => {
            reply.add_answer(record(&asked, 100, "loop2.example"));
            reply.add_answer(record(&name("loop2.example"), 100, "loop.example"));
        }
        "big.example" if is_v4 && !is_tcp => reply.metadata.truncation = true,
        "big.example" if is_v4 => {
            for number in 0..100 {
                reply.add_answer(record(&asked, 300, &format!("192.0.2.{number}")));
            }
        }
        "text.example" => {
            reply.add_answer(Record::from_rdata(
                asked,
                300,
                RData::TXT(TXT::new(vec!["hello".into()])),
            ));
        }
        "missing.example" => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            reply.add_authority(soa());
        }
        "liar.example" => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            reply.add_answer(record(&asked, 300, "192.0.2.50"));
            reply.add_answer(record(&asked, 300, "10.0.0.50"));
        }
        "broken.example" => reply.metadata.response_code = ResponseCode::ServFail,
        "silent.example" => return Vec::new(),
        _ if addresses.is_empty() => {
            reply.add_authority(soa());
        }
        _ => {}
    }
    vec![reply.to_vec().unwrap()]
}
