//! How much may happen in a second.

/// A bucket that fills evenly, and holds what a second brings.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    /// What is in it, in parts of a billion.
    level: u64,
    filled_ns: u64,
}

const ONE: u64 = 1_000_000_000;

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = u64::from(per_second);
        Self {
            per_second,
            level: per_second * ONE,
            filled_ns: 0,
        }
    }

    /// Takes one out; `false` if there is none.
    pub(super) fn take(&mut self, now_ns: u64) -> bool {
        let more = now_ns
            .saturating_sub(self.filled_ns)
            .saturating_mul(self.per_second);
        self.filled_ns = self.filled_ns.max(now_ns);
        self.level = self.level.saturating_add(more).min(self.per_second * ONE);
        let left = self.level.checked_sub(ONE);
        self.level = left.unwrap_or(self.level);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_what_a_second_brings() {
        let mut rate = Rate::new(10);
        let begin = 5 * ONE;
        assert_eq!((0..100).filter(|_| rate.take(begin)).count(), 10, "a burst");
        assert!(!rate.take(begin + ONE / 10 - 1));
        assert!(rate.take(begin + ONE / 10));
        let taken = (0..1000)
            .filter(|step| rate.take(begin + ONE + step * ONE / 100))
            .count();
        assert!((100..=110).contains(&taken), "{taken}");
        assert!(rate.take(u64::MAX), "time does not overflow it");
        rate.take(0);
    }
}
