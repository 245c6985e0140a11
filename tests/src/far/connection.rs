//! One accepted TCP connection.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};

use super::{Tallies, add};

/// Answers to HTTP GET.
const HTTP: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
/// A peer that does not read for so long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    local: SocketAddr,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, tallies: &Tallies) -> Option<Self> {
        stream.set_nonblocking(false).ok()?;
        // The readiness that poll reports can be gone (a reset): reading must not hang.
        stream.set_read_timeout(Some(WRITE_LIMIT)).ok()?;
        stream.set_write_timeout(Some(WRITE_LIMIT)).ok()?;
        let local = stream.local_addr().ok()?;
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        add(tallies, local, |tally| tally.accepted += 1);
        Some(Self { stream, local })
    }

    /// Answers what has come. Returns false when the connection is over.
    pub(super) fn read(&mut self, tallies: &Tallies) -> bool {
        let mut buffer = [0; 16 << 10];
        let count = match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) => return error.kind() == ErrorKind::Interrupted,
        };
        add(tallies, self.local, |tally| tally.bytes += count as u64);
        let data = &buffer[..count];
        if data.starts_with(b"GET ") {
            // Either way the connection is over.
            drop(self.stream.write_all(HTTP));
            return false;
        }
        self.stream.write_all(data).is_ok()
    }

    /// Ends it at once, for both ends.
    pub(super) fn reset(self) {
        let at_once = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        if let Err(error) = setsockopt(&self.stream, sockopt::Linger, &at_once) {
            eprintln!("a service cannot reset a connection: {error}");
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
