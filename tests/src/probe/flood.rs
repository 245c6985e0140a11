//! Very many refusals.

use std::time::{Duration, Instant};

use super::{Report, Step, Technique, arguments::Arguments, hold::released, udp::datagram};
use crate::sys;

pub(super) const TECHNIQUES: &[Technique] = &[("flood", flood), ("hammer", hammer)];

/// A slow machine sends fewer, and says so.
const LIMIT: Duration = Duration::from_mins(1);

/// `flood TO COUNT`: datagrams as fast as can be.
fn flood(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, count): (_, u64) = (arguments.internet(0)?, arguments.parse(1)?);
    let socket = datagram(report, to)?;
    let begun = Instant::now();
    let (mut passed, mut refused, mut other) = (0_u64, 0_u64, 0_u64);
    for _ in 0..count {
        match sys::send_to(&socket, b"x", 0, Some(&to.into())) {
            Ok(_) => passed += 1,
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => refused += 1,
            Err(_) => other += 1,
        }
        if begun.elapsed() > LIMIT {
            break;
        }
    }
    report.fact("passed", passed);
    report.fact("refused", refused);
    report.fact("other", other);
    Ok(())
}

/// `hammer TO THREADS`: connections and datagrams from several threads until the harness closes standard
/// input.
fn hammer(report: &mut Report, arguments: &Arguments) -> Step {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    let (to, threads): (_, usize) = (arguments.internet(0)?, arguments.parse(1)?);
    let (passed, refused, other) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let count = |result: std::io::Result<()>| {
        let counter = match result {
            Ok(()) => &passed,
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => &refused,
            Err(_) => &other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let family = super::arguments::family(to);
                while !stop.load(Ordering::Relaxed) {
                    count(
                        sys::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).and_then(
                            |socket| match sys::connect(&socket, &to.into()) {
                                Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                                    Ok(())
                                }
                                other => other,
                            },
                        ),
                    );
                    count(sys::socket(family, libc::SOCK_DGRAM, 0).and_then(|socket| {
                        sys::send_to(&socket, b"x", 0, Some(&to.into())).map(drop)
                    }));
                    // Refusals are to be many, and all of them in the log.
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
        super::hold::ready();
        while !released() {
            std::thread::sleep(Duration::from_millis(2));
        }
        stop.store(true, Ordering::Relaxed);
    });
    report.fact("passed", passed.into_inner());
    report.fact("refused", refused.into_inner());
    report.fact("other", other.into_inner());
    Ok(())
}
