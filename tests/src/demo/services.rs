//! What the hosts of the story serve: plain HTTP, and lines of a database.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::hosts::{API, ATTACKER, DATABASE, METADATA, OWN_SERVICE};
use crate::{
    error::{Context, Outcome},
    world::NetNs,
};

/// Longer than any step of the story.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts all of them. Their threads end with the process.
pub(super) fn start(near: &NetNs, far: &NetNs) -> Outcome {
    let customers = r#"{"customers":[{"id":1,"name":"Ada"},{"id":2,"name":"Grace"}]}"#;
    listen(far, API, 80, move |stream| http(stream, customers))?;
    listen(far, ATTACKER, 80, |stream| {
        http(stream, r#"{"thanks":"for the data"}"#)
    })?;
    listen(far, METADATA, 80, |stream| {
        http(stream, r#"{"AccessKeyId":"demo","Token":"demo"}"#)
    })?;
    listen(near, Ipv4Addr::LOCALHOST, OWN_SERVICE, |stream| {
        http(stream, r#"{"admin":true}"#)
    })?;
    listen(far, DATABASE, 5432, database)
}

fn listen(
    inside: &NetNs,
    address: Ipv4Addr,
    port: u16,
    serve: impl Fn(&TcpStream) -> io::Result<()> + Copy + Send + 'static,
) -> Outcome {
    let listener = inside.run(|| {
        TcpListener::bind((address, port)).context(format!("listen on {address}:{port}"))
    })?;
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            thread::spawn(move || {
                let served = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| serve(&stream));
                // A client that has gone is no error; whatever else goes wrong, its output shows.
                drop(served);
            });
        }
    });
    Ok(())
}

/// Answers one request of HTTP/1.1, whatever it asks for, and closes.
fn http(mut stream: &TcpStream, body: &str) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}\n",
        body.len() + 1
    )
}

/// Answers every line that is a query; anything else it ignores.
fn database(mut stream: &TcpStream) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        if line?.starts_with("SELECT ") {
            stream.write_all(b"2 rows\n")?;
        }
    }
    Ok(())
}
