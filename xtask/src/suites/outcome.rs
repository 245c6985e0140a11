//! What a suite found, read from what it prints.

use std::fmt;

/// The result of one suite.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    /// The lines of the cases that were skipped, with their reasons.
    pub(crate) skips: Vec<String>,
    /// The lines of the cases that failed.
    pub(crate) failures: Vec<String>,
    /// What was printed last, if the suite did not end as it should.
    pub(crate) last_words: Vec<String>,
    /// Why the suite as a whole failed or did not run.
    pub(crate) error: Option<String>,
}

impl Outcome {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Notes a line of cargo's test harness.
    pub(crate) fn read_harness(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            // "ok. 3 passed; 0 failed; 1 ignored; …"
            let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
            for part in counts.split("; ") {
                match part
                    .split_once(' ')
                    .and_then(|(count, word)| Some((count.parse::<u32>().ok()?, word)))
                {
                    Some((count, "passed")) => self.passed += count,
                    Some((count, "failed")) => self.failed += count,
                    Some((count, "ignored")) => self.skipped += count,
                    _ => {}
                }
            }
        } else if let Some(test) = line.strip_prefix("test ") {
            if test.contains(" ... ignored") {
                self.skips.push(test.to_owned());
            } else if test.ends_with(" ... FAILED") {
                self.failures.push(test.to_owned());
            }
        }
    }

    /// Notes a line of the suite on real kernels. Whether it is the closing line.
    pub(crate) fn read_suite(&mut self, line: &str) -> bool {
        if let Some([passed, failed, skipped]) = closing_line(line) {
            (self.passed, self.failed, self.skipped) = (passed, failed, skipped);
            return true;
        }
        if let Some(skip) = line.strip_prefix("skip ") {
            self.skips.push(skip.to_owned());
        } else if let Some(failure) = line.strip_prefix("FAIL ") {
            self.failures.push(failure.to_owned());
        }
        false
    }

    /// Whether nothing failed.
    pub(crate) fn good(&self) -> bool {
        self.failed == 0 && self.error.is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            passed,
            failed,
            skipped,
            ..
        } = self;
        write!(
            formatter,
            "{name}: {passed} passed, {failed} failed, {skipped} skipped"
        )?;
        match &self.error {
            Some(error) => write!(formatter, " ({error})"),
            None => Ok(()),
        }
    }
}

/// "N passed, N failed, N skipped"
fn closing_line(line: &str) -> Option<[u32; 3]> {
    let mut parts = line.trim().split(", ");
    let mut count = |word: &str| {
        parts
            .next()?
            .strip_suffix(word)?
            .strip_suffix(' ')?
            .parse()
            .ok()
    };
    let counts = [count("passed")?, count("failed")?, count("skipped")?];
    parts.next().is_none().then_some(counts)
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn the_harness_is_summed_over_its_programs() {
        let mut outcome = Outcome::new("unit");
        for line in [
            "test a::b ... ok",
            "test slow ... ignored, takes an hour",
            "test a::c ... FAILED",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ] {
            outcome.read_harness(line);
        }
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (4, 2, 1));
        assert_eq!(outcome.skips, ["slow ... ignored, takes an hour"]);
        assert_eq!(outcome.failures, ["a::c ... FAILED"]);
        assert!(!outcome.good());
    }

    #[test]
    fn the_closing_line_is_taken_as_it_stands() {
        let mut outcome = Outcome::new("native");
        assert!(!outcome.read_suite("ok N01 TCP connect"));
        assert!(!outcome.read_suite("skip N13 io_uring: this kernel has none"));
        assert!(!outcome.read_suite("skipped:"));
        assert!(!outcome.read_suite("FAIL N02 (0.2 s): it arrived"));
        assert!(!outcome.read_suite("1 passed, 0 failed"));
        assert!(!outcome.read_suite("1 passed, 0 failed, 0 skipped, 3 lost"));
        assert!(outcome.read_suite("2 passed, 1 failed, 1 skipped"));
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (2, 1, 1));
        assert_eq!(outcome.skips, ["N13 io_uring: this kernel has none"]);
        assert_eq!(outcome.failures, ["N02 (0.2 s): it arrived"]);
    }
}
