//! Questions on their way to the daemon.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use crate::support::{Fake, Server};
use agentguard::control::{
    api::{ExplainAccess, ExplainPathQuery},
    client::Client,
    limits::Limits,
};

#[test]
fn questions_arrive_as_they_are_asked() {
    let server = Server::start(Fake::default(), Limits::default());
    let client = Client::new(server.socket());
    let query = ExplainPathQuery {
        agent: "bot".to_owned(),
        path: "/srv/a b&c=d%20?#ü\n".to_owned(),
        access: ExplainAccess::Connect,
    };
    let answer: serde_json::Value = client.explain_path(&query).unwrap();
    assert_eq!(answer["asked"], serde_json::to_value(&query).unwrap());
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    let plain =
        "GET /v1/explain/path?agent=bot&path=/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(plain.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains(r#""access":"read""#), "{text}");
}
