//! Questions over TCP.

use std::time::Duration;

use agentguard::dns::{Config, Limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    fakes::A,
    stage::{Answer, Stage, config, question},
    zone::zone,
};

fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

async fn read(stream: &mut TcpStream) -> Option<Answer> {
    let length = timeout(Duration::from_secs(8), stream.read_u16())
        .await
        .unwrap()
        .ok()?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.unwrap();
    Some(Answer::new(bytes))
}

#[tokio::test]
async fn questions_can_be_sent_before_the_answers_have_come() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.v4).await.unwrap();
    let mut all = Vec::new();
    for number in 0..50_u8 {
        let mut message = question(
            ["a.example", "big.example", "evil.test"][usize::from(number % 3)],
            A,
        );
        message[1] = number;
        all.extend(framed(&message));
    }
    // In pieces that end anywhere.
    for piece in all.chunks(37) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..50 {
        let answer = read(&mut stream).await.unwrap();
        let id = answer.bytes[1];
        assert_eq!(answer.addresses().len(), [1, 100, 0][usize::from(id % 3)]);
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_has_nothing_more_to_ask_is_still_answered() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.v4).await.unwrap();
    stream
        .write_all(&framed(&question("a.example", A)))
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap().addresses(), ["192.0.2.1"]);
    assert!(read(&mut stream).await.is_none());
}

#[tokio::test]
async fn a_connection_without_a_whole_question_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(300),
        ..Limits::default()
    };
    let stage = Stage::with(std::sync::Arc::new(zone), Config { limits, ..config() }).await;
    let mut stream = TcpStream::connect(stage.v4).await.unwrap();
    let message = framed(&question("a.example", A));
    // One byte after the other does not keep it open.
    let begun = std::time::Instant::now();
    for byte in &message {
        if stream.write_all(&[*byte]).await.is_err() || begun.elapsed() > Duration::from_secs(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert!(stream.read_u8().await.is_err());
    // Nor is one read that says that it is long.
    let mut stream = TcpStream::connect(stage.v4).await.unwrap();
    stream.write_all(&[0xff, 0xff, 0, 0]).await.unwrap();
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test]
async fn only_so_many_connections_are_open() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let stage = Stage::with(std::sync::Arc::new(zone), Config { limits, ..config() }).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(stage.v4).await.unwrap();
        stream
            .write_all(&framed(&question("a.example", A)))
            .await
            .unwrap();
        read(&mut stream).await.unwrap();
        open.push(stream);
    }
    let mut third = TcpStream::connect(stage.v4).await.unwrap();
    assert!(third.read_u8().await.is_err());
    assert_eq!(stage.agent.stats().connections_refused, 1);
    drop(open);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut again = TcpStream::connect(stage.v4).await.unwrap();
    again
        .write_all(&framed(&question("a.example", A)))
        .await
        .unwrap();
    assert!(read(&mut again).await.is_some());
}
