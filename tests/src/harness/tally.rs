//! What the cases came to.

use std::time::Duration;

/// How many of the slowest cases are named.
const SLOWEST: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: usize,
    failures: Vec<(String, String)>,
    skips: Vec<(String, String)>,
    times: Vec<(Duration, String)>,
    /// Cases beside the first of each group that was skipped as a whole.
    skipped_with_groups: usize,
}

impl Tally {
    /// Notes the result of a case that has run, and prints its line.
    pub(super) fn ran(&mut self, name: String, result: &str, why: &str, time: Duration) {
        self.times.push((time, name.clone()));
        let shown = format!("{name} ({:.1} s)", time.as_secs_f32());
        self.note(name, &shown, result, why);
    }

    /// Notes that all cases of a group do not apply here, and prints one line for them.
    pub(super) fn skip_group(&mut self, name: &str, cases: usize, why: &str) {
        println!("skip {name}: {cases} cases: {why}");
        self.skips
            .push((name.to_owned(), format!("{cases} cases: {why}")));
        self.skipped_with_groups += cases.saturating_sub(1);
    }

    /// Notes a failure of something else than a case, or of a case that has not run.
    pub(super) fn fail(&mut self, name: String, why: &str) {
        let shown = name.clone();
        self.note(name, &shown, "fail", why);
    }

    fn note(&mut self, name: String, shown: &str, result: &str, why: &str) {
        let first = why.lines().next().unwrap_or_default();
        match result {
            "ok" => {
                println!("ok {shown}");
                self.passed += 1;
            }
            "skip" => {
                println!("skip {name}: {first}");
                self.skips.push((name, why.to_owned()));
            }
            _ => {
                println!("FAIL {shown}: {first}");
                self.failures.push((name, why.to_owned()));
            }
        }
    }

    /// Whether nothing failed.
    pub(super) const fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// Prints the end of the report.
    pub(super) fn close(&mut self) {
        for (title, list) in [("skipped", &self.skips), ("failed", &self.failures)] {
            if !list.is_empty() {
                println!("\n{title}:");
            }
            for (name, why) in list {
                println!("  {name}: {}", why.trim_end());
            }
        }
        self.times.sort_unstable_by(|one, other| other.cmp(one));
        println!("\nslowest:");
        for (time, name) in self.times.iter().take(SLOWEST) {
            println!("  {name}: {:.1} s", time.as_secs_f32());
        }
        println!(
            "\n{} passed, {} failed, {} skipped",
            self.passed,
            self.failures.len(),
            self.skips.len() + self.skipped_with_groups
        );
    }
}
