//! Who listens in the story: plain HTTP, and lines over Unix sockets. What each was sent is kept.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::error::{Context, Outcome};

/// Longer than any step of the story.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a service was sent. It is kept before it is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(Arc<Mutex<Vec<u8>>>);

impl Received {
    pub(super) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn keep(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
    }
}

/// Answers every request of HTTP/1.1 with the same, and keeps the bodies. Its threads end with the process.
pub(super) fn http(listener: TcpListener, answer: &'static str) -> Received {
    let received = Received::default();
    let kept = received.clone();
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let kept = kept.clone();
            // A client that has gone is no error; whatever else goes wrong, the story shows.
            thread::spawn(move || drop(request(&stream, &kept, answer)));
        }
    });
    received
}

fn request(mut stream: &TcpStream, kept: &Received, answer: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
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
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    kept.keep(&body);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

/// Answers a line over a Unix socket, and keeps it. That somebody connected is kept, too: as a line.
pub(super) fn unix(path: &Path, answer: &'static str) -> Outcome<Received> {
    let listener = UnixListener::bind(path).context(format!("listen on {}", path.display()))?;
    let received = Received::default();
    let kept = received.clone();
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            drop(line(&stream, &kept, answer));
        }
    });
    Ok(received)
}

fn line(mut stream: &UnixStream, kept: &Received, answer: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = Vec::new();
    let read = BufReader::new(stream).read_until(b'\n', &mut line);
    kept.keep(if line.is_empty() { b"\n" } else { &line });
    read?;
    stream.write_all(answer.as_bytes())
}
