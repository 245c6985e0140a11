//! Very many refusals.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
    hold::{ready, released},
    udp::datagram,
};
use crate::sys;

pub(super) const TECHNIQUES: &[Technique] = &[("flood", flood), ("hammer", hammer)];

/// How calls ended.
#[derive(Debug, Default)]
pub(super) struct Answers {
    passed: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
}

impl Answers {
    pub(super) fn count<T>(&self, result: &io::Result<T>) {
        let counter = match result {
            Ok(_) => &self.passed,
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => &self.refused,
            Err(_) => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that was refused.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn report(&self, report: &mut Report) {
        for (name, counter) in [
            ("passed", &self.passed),
            ("refused", &self.refused),
            ("other", &self.other),
        ] {
            report.fact(name, counter.load(Ordering::Relaxed));
        }
    }
}

/// `flood TO COUNT`: datagrams as fast as can be.
fn flood(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, count): (_, u64) = (arguments.internet(0)?, arguments.parse(1)?);
    let socket = datagram(report, to)?;
    let answers = Answers::default();
    for _ in 0..count {
        answers.count(&sys::send_to(&socket, b"x", 0, Some(&to.into())));
    }
    answers.report(report);
    Ok(())
}

/// `hammer TO THREADS PAUSE`: connections and datagrams from several threads, each with a pause of so
/// many milliseconds after both, until the harness closes standard input.
fn hammer(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, threads): (_, usize) = (arguments.internet(0)?, arguments.parse(1)?);
    let pause = Duration::from_millis(arguments.parse(2)?);
    let (answers, stop) = (Answers::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    answers.count(&begin_connection(to));
                    answers.count(
                        &sys::socket(family(to), libc::SOCK_DGRAM, 0)
                            .and_then(|socket| sys::send_to(&socket, b"x", 0, Some(&to.into()))),
                    );
                    // Refusals are to be many, and all of them in the log.
                    thread::sleep(pause);
                }
            });
        }
        ready();
        while !released() {
            thread::sleep(Duration::from_millis(2));
        }
        stop.store(true, Ordering::Relaxed);
    });
    answers.report(report);
    Ok(())
}

fn begin_connection(to: SocketAddr) -> io::Result<()> {
    let socket = sys::socket(family(to), libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    match sys::connect(&socket, &to.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        other => other,
    }
}
