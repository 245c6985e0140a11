//! What the kernel counts, per agent.

/// Counters of one agent. All only ever grow, and nothing is refused or observed without one.
///
/// They hold an identity, which the daemon checks and publishes:
/// `refused + observed = recorded + repeated + lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counters {
    /// Operations refused.
    pub refused: u64,
    /// Operations that would have been refused, but for observe mode.
    pub observed: u64,
    /// Events put into the ring buffer.
    pub recorded: u64,
    /// Packets of a socket to a destination for which its refusal is recorded already
    /// (retransmissions, mostly).
    pub repeated: u64,
    /// Events for which the ring buffer had no room.
    pub lost: u64,
}

const _: () = assert!(size_of::<Counters>() == 40);

impl Counters {
    /// These and others of the same agent, counted elsewhere.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            observed: self.observed + other.observed,
            recorded: self.recorded + other.recorded,
            repeated: self.repeated + other.repeated,
            lost: self.lost + other.lost,
        }
    }

    /// Refusals and observations that have no event: zero, or the kernel side has a bug.
    pub const fn unaccounted(&self) -> i128 {
        (self.refused as i128 + self.observed as i128)
            - (self.recorded as i128 + self.repeated as i128 + self.lost as i128)
    }
}
