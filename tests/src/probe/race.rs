//! One thread changes the address while another uses it.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    thread,
};

use super::{Report, Step, Technique, arguments::Arguments, flood::Answers};
use crate::{error::Error, sys};

pub(super) const TECHNIQUES: &[Technique] = &[("race-sendto", send), ("race-connect", connect)];

/// Threads that try at once.
const THREADS: u64 = 2;
/// Tries with one socket: its verdict is known from the second one on, for whichever address.
const TRIES_PER_SOCKET: usize = 8;

/// A `sockaddr_in` that may change at any time: family and port, address, eight bytes of zeros.
struct Changing([AtomicU32; 4]);

impl Changing {
    /// An address with this port, to be changed.
    fn with_port(port: u16) -> io::Result<Self> {
        let family = u16::try_from(libc::AF_INET)
            .map_err(io::Error::other)?
            .to_ne_bytes();
        let port = port.to_be_bytes();
        let first = u32::from_ne_bytes([family[0], family[1], port[0], port[1]]);
        Ok(Self([first, 0, 0, 0].map(AtomicU32::new)))
    }

    fn pointer(&self) -> *const libc::sockaddr {
        self.0.as_ptr().cast()
    }

    /// Puts an address (network byte order) into it.
    fn point_to(&self, address: u32) {
        self.0[1].store(address, Ordering::Relaxed);
    }

    fn connect(&self, socket: &OwnedFd) -> io::Result<()> {
        // SAFETY: sixteen bytes of live memory; that they change meanwhile is for the kernel to
        // cope with.
        sys::check(unsafe { libc::connect(socket.as_raw_fd(), self.pointer(), 16) }).map(drop)
    }

    fn send(&self, socket: &OwnedFd) -> io::Result<()> {
        let data = b"race";
        // SAFETY: as above; the data is valid for its length.
        let sent = unsafe {
            let (data, len) = (data.as_ptr().cast(), data.len());
            libc::sendto(socket.as_raw_fd(), data, len, 0, self.pointer(), 16)
        };
        sys::check_len(sent).map(drop)
    }
}

/// `race-sendto FIRST SECOND TRIES`.
fn send(report: &mut Report, arguments: &Arguments) -> Step {
    race(report, arguments, Changing::send)
}

/// `race-connect FIRST SECOND TRIES`, then a send to wherever the socket was connected.
fn connect(report: &mut Report, arguments: &Arguments) -> Step {
    race(report, arguments, |address, socket| {
        address.connect(socket)?;
        sys::send_to(socket, b"race", 0, None).map(drop)
    })
}

fn race(
    report: &mut Report,
    arguments: &Arguments,
    attempt: impl Fn(&Changing, &OwnedFd) -> io::Result<()> + Sync,
) -> Step {
    let (SocketAddr::V4(first), SocketAddr::V4(second)) =
        (arguments.internet(0)?, arguments.internet(1)?)
    else {
        return Err(Error::Failed("IPv4 addresses are needed".into()).into());
    };
    let tries: u64 = arguments.parse(2)?;
    if first.port() != second.port() {
        return Err(Error::Failed("one port is needed".into()).into());
    }
    let address = Changing::with_port(first.port())?;
    let values = [*first.ip(), *second.ip()].map(|ip| u32::from(ip).to_be());
    let (stop, begun) = (AtomicBool::new(false), AtomicU64::new(0));
    let answers = Answers::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for value in values {
                    address.point_to(value);
                    // Long enough for both values to be seen on one processor, too.
                    for _ in 0..50 {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        let threads = (0..THREADS).map(|_| {
            scope.spawn(|| {
                while begun.fetch_add(TRIES_PER_SOCKET as u64, Ordering::Relaxed) < tries {
                    let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
                    for value in values.iter().cycle().take(TRIES_PER_SOCKET) {
                        // Where there are fewer processors than threads, the one that changes it all
                        // the time may not run for long.
                        address.point_to(*value);
                        let result = match &socket {
                            Ok(socket) => attempt(&address, socket),
                            Err(error) => Err(error.kind().into()),
                        };
                        answers.count(&result);
                    }
                }
            })
        });
        // A thread that panicked has counted too little, which the harness sees.
        threads
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|thread| drop(thread.join()));
        stop.store(true, Ordering::Relaxed);
    });
    answers.report(report);
    Ok(())
}
