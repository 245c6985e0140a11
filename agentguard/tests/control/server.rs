//! The control socket against callers that mean no good.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::atomic::Ordering::SeqCst,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::{Fake, Server};
use agentguard::control::{client::Client, limits::Limits};

/// The usual limits, but for times that a test can wait for.
fn quick() -> Limits {
    Limits {
        header_time: Duration::from_millis(300),
        request_time: Duration::from_millis(300),
        answer_time: Duration::from_millis(300),
        ..Limits::default()
    }
}

fn connect(server: &Server) -> UnixStream {
    let stream = UnixStream::connect(server.socket()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

/// Everything that comes until the server hangs up. Hanging up on data that it never read is a
/// reset.
fn read_all(mut stream: UnixStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&bytes)),
    }
    String::from_utf8(bytes).unwrap()
}

fn ask(server: &Server, request: &str) -> String {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    read_all(stream)
}

fn answers(server: &Server) -> bool {
    Client::new(server.socket()).status().is_ok()
}

#[test]
fn what_is_not_there_is_said_in_json() {
    let server = Server::start(Fake::default(), quick());
    for (request, status, code) in [
        ("GET /v2/status", 404, "not-found"),
        ("GET /v1/agents/nobody", 404, "unknown-agent"),
        ("DELETE /v1/status", 405, "method-not-allowed"),
        ("GET /v1/reload", 405, "method-not-allowed"),
        ("GET /v1/explain?agent=bot", 400, "invalid-request"),
        (
            "GET /v1/explain?agent=bot&to=1.2.3.4&protocol=sctp",
            400,
            "invalid-request",
        ),
        ("GET /v1/explain/path?agent=bot", 400, "invalid-request"),
        (
            "GET /v1/explain/path?agent=bot&path=/a&access=delete",
            400,
            "invalid-request",
        ),
        ("GET /v1/agents/%ff", 400, "invalid-request"),
    ] {
        let answer = ask(&server, &format!("{request} HTTP/1.1\r\nhost: a\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], code, "{request}");
        assert!(!body["error"].as_str().unwrap().contains('\n'), "{request}");
    }
}

#[test]
fn a_body_of_100_mb_is_refused_at_its_beginning() {
    for framing in [
        "content-length: 100000000\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n",
    ] {
        let server = Server::start(Fake::default(), Limits::default());
        let mut stream = connect(&server);
        write!(stream, "POST /v1/reload HTTP/1.1\r\nhost: a\r\n{framing}").unwrap();
        let chunk = vec![b'x'; 1 << 20];
        let mut sent = 0;
        while sent < 100 {
            // As chunks these are sizes, data and ends; as a plain body it is data all the same.
            let written = write!(stream, "{:x}\r\n", chunk.len())
                .and_then(|()| stream.write_all(&chunk))
                .and_then(|()| stream.write_all(b"\r\n"));
            if written.is_err() {
                break;
            }
            sent += 1;
        }
        assert!(sent < 10, "the server took {sent} MiB");
        let answer = read_all(stream);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert_eq!(server.backend.asked.load(SeqCst), 0);
        assert!(answers(&server));
    }
}

#[test]
fn a_body_that_never_comes_does_not_hold_the_server() {
    let server = Server::start(Fake::default(), quick());
    let begin = Instant::now();
    let answer = ask(
        &server,
        "POST /v1/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf",
    );
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 504 "),
        "{answer}"
    );
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(server.backend.asked.load(SeqCst), 0);
}

#[test]
fn half_open_connections_are_bounded_and_time_out() {
    // Time to connect 200 times before the first of them is over.
    let limits = Limits {
        header_time: Duration::from_secs(1),
        ..quick()
    };
    let server = Server::start(Fake::default(), limits);
    let streams: Vec<_> = (0..200).map(|_| connect(&server)).collect();
    sleep(Duration::from_millis(100));
    let open = streams
        .iter()
        .filter(|stream| {
            stream.set_nonblocking(true).unwrap();
            let read = (&mut &**stream).read(&mut [0]);
            matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
        })
        .count();
    assert_eq!(
        open, limits.connections_per_uid,
        "the others are closed at once"
    );
    // The client asks again until there is room.
    assert!(answers(&server));
    for stream in streams {
        stream.set_nonblocking(false).unwrap();
        assert_eq!(
            read_all(stream),
            "",
            "nothing was asked, nothing is answered"
        );
    }
}

#[test]
fn headers_that_drip_do_not_hold_a_connection() {
    let server = Server::start(Fake::default(), quick());
    let mut stream = connect(&server);
    let begin = Instant::now();
    let request =
        "GET /v1/status HTTP/1.1\r\nhost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for byte in request.bytes().cycle() {
        if stream.write_all(&[byte]).is_err() {
            break;
        }
        sleep(Duration::from_millis(10));
        assert!(begin.elapsed() < Duration::from_secs(5), "still connected");
    }
    assert!(answers(&server));
}

#[test]
fn a_caller_that_does_not_read_does_not_hold_a_connection() {
    let limits = Limits {
        connections_per_uid: 1,
        ..quick()
    };
    let backend = Fake {
        agents: 10_000,
        ..Fake::default()
    };
    let server = Server::start(backend, limits);
    let mut stream = connect(&server);
    stream
        .write_all(b"GET /v1/status HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    sleep(Duration::from_millis(200));
    assert_eq!(read_all(connect(&server)), "", "the one place is taken");
    // A busy host takes longer, and nobody forever.
    let limit = limits.header_time + limits.request_time + limits.answer_time;
    let deadline = Instant::now() + limit + Duration::from_secs(10);
    while !answers(&server) {
        assert!(Instant::now() < deadline, "it is not free again");
        sleep(Duration::from_millis(50));
    }
    drop(stream);
}

#[test]
fn what_is_no_http_is_survived() {
    let server = Server::start(Fake::default(), quick());
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for request in [
        "\0\0\0\0\r\n\r\n",
        "HELO\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        &long,
        &many,
    ] {
        let mut stream = connect(&server);
        // The server may hang up before it has taken it all.
        let _ = stream.write_all(request.as_bytes());
        let answer = read_all(stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(server.backend.asked.load(SeqCst), 0);
    assert!(answers(&server));
}

#[test]
fn an_agent_is_hung_up_on_before_it_can_speak() {
    let server = Server::start(Fake::default(), quick());
    for flag in [&server.backend.tagged, &server.backend.confused] {
        flag.store(true, SeqCst);
        let mut stream = connect(&server);
        // It may be closed already.
        let _ = stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(read_all(stream), "");
        flag.store(false, SeqCst);
    }
    assert_eq!(server.backend.asked.load(SeqCst), 0);
    assert!(answers(&server));
}

#[test]
fn a_process_that_became_an_agent_s_since_it_connected_is_refused() {
    let server = Server::start(Fake::default(), quick());
    let mut stream = connect(&server);
    sleep(Duration::from_millis(50));
    server.backend.tagged.store(true, SeqCst);
    stream
        .write_all(b"POST /v1/reload HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(server.backend.asked.load(SeqCst), 0);
}

#[test]
fn a_connection_carries_one_request() {
    let server = Server::start(Fake::default(), quick());
    let request = "GET /v1/status HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = ask(&server, &request.repeat(3));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    assert_eq!(server.backend.asked.load(SeqCst), 1);
}

#[test]
fn a_reload_comes_to_its_end_whatever_the_caller_does() {
    let server = Server::start(Fake::default(), quick());
    *server.backend.reload_time.lock().unwrap() = Duration::from_millis(600);
    let answer = ask(&server, "POST /v1/reload HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert_eq!(
        server.backend.reloaded.load(SeqCst),
        0,
        "it takes longer than the caller may"
    );
    let mut stream = connect(&server);
    stream
        .write_all(b"POST /v1/reload HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    sleep(Duration::from_millis(100));
    drop(stream);
    sleep(Duration::from_secs(1));
    assert_eq!(server.backend.reloaded.load(SeqCst), 2);
}

#[test]
fn a_process_enters_one_agent_at_a_time() {
    let server = Server::start(Fake::default(), Limits::default());
    *server.backend.reload_time.lock().unwrap() = Duration::from_millis(500);
    let mut first = connect(&server);
    let request = b"POST /v1/agents/bot/enter HTTP/1.1\r\nhost: a\r\n\r\n";
    first.write_all(request).unwrap();
    sleep(Duration::from_millis(100));
    let second = ask(&server, std::str::from_utf8(request).unwrap());
    assert!(second.starts_with("HTTP/1.1 409 "), "{second}");
    let first = read_all(first);
    assert!(first.starts_with("HTTP/1.1 200 "), "{first}");
}
