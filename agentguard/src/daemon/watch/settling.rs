//! When scope files that changed are to be loaded: once they have come to rest.

use std::time::{Duration, Instant};

use crate::policy::Snapshot;

/// How often files are looked at while nothing happens.
const IDLE: Duration = Duration::from_secs(1);
/// How often they are looked at while they change.
const STEP: Duration = Duration::from_millis(100);
/// So long nothing may change before they are loaded: a file may be half written.
const QUIET: Duration = Duration::from_millis(500);
/// So long after the first change they are loaded even if they go on changing.
const LATEST: Duration = Duration::from_secs(5);

/// What is known of the files.
#[derive(Debug)]
pub(super) struct Settling {
    seen: Snapshot,
    changing: Option<Changing>,
}

/// Files that are not loaded as they are.
#[derive(Clone, Copy, Debug)]
struct Changing {
    /// Since when.
    first: Instant,
    /// When they were seen to change the last time.
    last: Instant,
}

/// What to do about files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Look again, so much later.
    Look(Duration),
    /// Load them if they stay as they are while they are read.
    LoadSettled,
    /// Load them as they are: they do not come to rest.
    LoadAnyway,
}

impl Settling {
    /// Files that are loaded as they were when they looked like this.
    pub(super) const fn loaded(seen: Snapshot) -> Self {
        Self {
            seen,
            changing: None,
        }
    }

    /// Takes note of how they look now.
    pub(super) fn look(&mut self, found: Snapshot, now: Instant) -> Next {
        if found != self.seen {
            self.seen = found;
            let first = self.changing.map_or(now, |changing| changing.first);
            self.changing = Some(Changing { first, last: now });
        }
        match self.changing {
            None => Next::Look(IDLE),
            Some(it) if now.duration_since(it.last) >= QUIET => Next::LoadSettled,
            Some(it) if now.duration_since(it.first) >= LATEST => Next::LoadAnyway,
            Some(_) => Next::Look(STEP),
        }
    }

    /// Whether they look as they did the last time.
    pub(super) fn is_still(&self, found: &Snapshot) -> bool {
        self.seen == *found
    }

    /// They are loaded as they looked the last time.
    pub(super) const fn have_settled(&mut self) {
        self.changing = None;
    }

    /// They are loaded, but as of a moment between two changes: they are loaded once more when they come
    /// to rest, even if that was the last change. Two changes in one step of the file system's clock
    /// can look like one.
    pub(super) const fn go_on(&mut self, now: Instant) {
        self.changing = Some(Changing {
            first: now,
            last: now,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Looks of a directory that differ.
    fn looks<const N: usize>() -> [Snapshot; N] {
        let directory = tempfile::tempdir().unwrap();
        std::array::from_fn(|number| {
            fs::write(directory.path().join(format!("{number}.toml")), "").unwrap();
            Snapshot::take(directory.path())
        })
    }

    fn at(begun: Instant, milliseconds: u64) -> Instant {
        begun + Duration::from_millis(milliseconds)
    }

    #[test]
    fn one_change_is_loaded_after_a_quiet_time_and_once() {
        let [a, b] = looks();
        let begun = Instant::now();
        let mut files = Settling::loaded(a.clone());
        assert_eq!(files.look(a, begun), Next::Look(IDLE));
        for after in [1000, 1100, 1499] {
            assert_eq!(files.look(b.clone(), at(begun, after)), Next::Look(STEP));
        }
        assert_eq!(files.look(b.clone(), at(begun, 1500)), Next::LoadSettled);
        // What was read was not what had been seen.
        assert_eq!(files.look(b.clone(), at(begun, 1600)), Next::LoadSettled);
        files.have_settled();
        assert_eq!(files.look(b, at(begun, 1700)), Next::Look(IDLE));
    }

    #[test]
    fn each_change_begins_the_quiet_time_anew() {
        let [a, b, c] = looks();
        let begun = Instant::now();
        let mut files = Settling::loaded(a.clone());
        assert_eq!(files.look(b, begun), Next::Look(STEP));
        assert_eq!(files.look(c, at(begun, 400)), Next::Look(STEP));
        // Back to what it was: what was read in between may be in force.
        assert_eq!(files.look(a.clone(), at(begun, 800)), Next::Look(STEP));
        assert_eq!(files.look(a.clone(), at(begun, 1299)), Next::Look(STEP));
        assert_eq!(files.look(a, at(begun, 1300)), Next::LoadSettled);
    }

    #[test]
    fn files_that_never_rest_are_loaded_and_once_more_when_they_do() {
        let [a, b, c] = looks();
        let begun = Instant::now();
        let mut files = Settling::loaded(a.clone());
        for after in (0..5000).step_by(200) {
            let found = if after % 400 == 0 { &b } else { &c };
            assert_eq!(
                files.look(found.clone(), at(begun, after)),
                Next::Look(STEP),
                "{after}"
            );
        }
        assert_eq!(files.look(a.clone(), at(begun, 5000)), Next::LoadAnyway);
        files.go_on(at(begun, 5000));
        assert_eq!(files.look(a.clone(), at(begun, 5499)), Next::Look(STEP));
        assert_eq!(files.look(a.clone(), at(begun, 5500)), Next::LoadSettled);
        files.have_settled();
        assert_eq!(files.look(a, at(begun, 5600)), Next::Look(IDLE));
    }

    #[test]
    fn a_directory_that_is_gone_is_a_change() {
        let [a] = looks();
        let mut files = Settling::loaded(a);
        let gone = Snapshot::take(Path::new("/nowhere/agents.d"));
        assert_eq!(files.look(gone, Instant::now()), Next::Look(STEP));
    }
}
