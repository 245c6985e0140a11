//! One thread changes the address while another uses it.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Report, Step, Technique, arguments::Arguments};
use crate::{
    error::Error,
    sys::{self, SockAddr},
};

pub(super) const TECHNIQUES: &[Technique] = &[("race-sendto", send), ("race-connect", connect)];

/// A slow machine does fewer tries, and says so.
const LIMIT: Duration = Duration::from_secs(60);

/// `race-sendto FIRST SECOND TRIES`.
fn send(report: &mut Report, arguments: &Arguments) -> Step {
    race(report, arguments, |address| {
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        sys::send_to(&socket, b"race", 0, Some(address)).map(drop)
    })
}

/// `race-connect FIRST SECOND TRIES`, then a send to wherever the socket was connected.
fn connect(report: &mut Report, arguments: &Arguments) -> Step {
    race(report, arguments, |address| {
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        sys::connect(&socket, address)?;
        sys::send_to(&socket, b"race", 0, None).map(drop)
    })
}

fn race(
    report: &mut Report,
    arguments: &Arguments,
    attempt: impl Fn(&SockAddr) -> std::io::Result<()>,
) -> Step {
    let (SocketAddr::V4(first), SocketAddr::V4(second)) =
        (arguments.internet(0)?, arguments.internet(1)?)
    else {
        return Err(Error::Failed("IPv4 addresses are needed".into()).into());
    };
    let tries: u64 = arguments.parse(2)?;
    let mut address = SockAddr::from(SocketAddr::from(first));
    // SAFETY: the sockaddr_in within the storage has its address at byte 4, aligned to four; the
    // storage outlives the threads. The kernel reads it meanwhile: that is the race.
    let word = unsafe { &*address.as_mut_ptr().cast::<AtomicU32>().add(1) };
    let values = [*first.ip(), *second.ip()].map(|ip| u32::from(ip).to_be());
    let stop = AtomicBool::new(false);
    let (mut passed, mut refused, mut other) = (0_u64, 0_u64, 0_u64);
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for value in values {
                    word.store(value, Ordering::Relaxed);
                    // Long enough for both values to be seen on one processor, too.
                    for _ in 0..50 {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        for _ in 0..tries {
            match attempt(&address) {
                Ok(()) => passed += 1,
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => refused += 1,
                Err(_) => other += 1,
            }
            if begun.elapsed() > LIMIT {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    report.fact("passed", passed);
    report.fact("refused", refused);
    report.fact("other", other);
    Ok(())
}
