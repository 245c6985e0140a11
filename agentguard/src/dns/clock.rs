//! Time as the kernel's tables have it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_BOOTTIME`, which runs while the host sleeps.
pub(super) fn boot_ns() -> u64 {
    // It cannot fail: Linux has this clock since 2.6.39. At 0 nothing is expired that ever was learned.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        let (seconds, nanoseconds) = (time.tv_sec().unsigned_abs(), time.tv_nsec().unsigned_abs());
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds)
    })
}

/// A time so much later.
pub(super) fn after(now_ns: u64, duration: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
