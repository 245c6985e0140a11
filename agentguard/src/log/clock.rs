//! The two clocks of a record.

use std::{io, time::Duration};

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};

use super::LogError;

/// Time since boot, and the wall clock at a moment since boot.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the clock was made: the answer if the kernel ever gave none, which it does not once it
    /// has given one.
    first: u64,
}

impl Clock {
    /// Checks that the kernel has `CLOCK_BOOTTIME`.
    pub fn new() -> Result<Self, LogError> {
        read().map(|first| Self { first }).map_err(LogError::Clock)
    }

    /// Nanoseconds since boot, suspend included.
    pub fn boot_ns(&self) -> u64 {
        read().unwrap_or(self.first)
    }

    /// The wall clock's time at `boot_ns`, as the wall clock is set now: RFC 3339 in UTC, with six
    /// digits of the second.
    pub fn wall(&self, boot_ns: u64) -> String {
        let now = Timestamp::now().as_nanosecond();
        let then = now - i128::from(self.boot_ns()) + i128::from(boot_ns);
        let time = Timestamp::from_nanosecond(then).unwrap_or(if then < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        });
        format!("{time:.6}")
    }
}

fn read() -> io::Result<u64> {
    let time = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME)?);
    u64::try_from(time.as_nanos()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_moves_with_the_time_since_boot() {
        let clock = Clock::new().unwrap();
        let boot = clock.boot_ns();
        let before = Timestamp::now();
        let wall: Timestamp = clock.wall(boot).parse().unwrap();
        assert!((before.as_millisecond() - wall.as_millisecond()).abs() < 1000);
        let later: Timestamp = clock.wall(boot + 3_600_000_000_000).parse().unwrap();
        assert!((later.as_millisecond() - wall.as_millisecond() - 3_600_000).abs() < 1000);
    }

    #[test]
    fn times_have_six_digits_and_never_overflow() {
        let clock = Clock::new().unwrap();
        for boot_ns in [0, 1, 999, 1_000_000_000, clock.boot_ns(), u64::MAX] {
            let text = clock.wall(boot_ns);
            assert_eq!(
                (text.len(), &text[19..20], &text[26..]),
                (27, ".", "Z"),
                "{text}"
            );
        }
    }
}
