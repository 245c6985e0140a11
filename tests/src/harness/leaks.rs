//! What may not be there any more at the end.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Outcome, failed},
    host::{cgroup, programs},
};

/// The kernel removes programs some time after their last user.
const PATIENCE: Duration = Duration::from_secs(10);

/// The state of the host before the first case.
#[derive(Debug)]
pub(super) struct Leaks {
    programs: BTreeSet<u32>,
    cgroups: BTreeSet<std::path::PathBuf>,
}

impl Leaks {
    pub(super) fn begin() -> Outcome<Self> {
        Ok(Self {
            programs: programs::all()?,
            cgroups: cgroup::named("")?.into_iter().collect(),
        })
    }

    /// Fails if there are cgroups of the suite, or programs that nobody holds and that were not
    /// there before.
    pub(super) fn end(&self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let held = programs::held();
            let programs: Vec<_> = programs::all()?
                .difference(&self.programs)
                .filter(|id| !held.contains(id))
                .copied()
                .collect();
            let cgroups: Vec<_> = cgroup::named("agtest-")?
                .into_iter()
                .filter(|path| !self.cgroups.contains(path))
                .filter(|path| is_ours(path))
                .collect();
            if programs.is_empty() && cgroups.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return failed(format!(
                    "BPF programs {programs:?}, cgroups {cgroups:?} stay behind"
                ));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Another suite may run on this host: its processes are alive.
fn is_ours(path: &std::path::Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let pid = name
        .trim_start_matches("agtest-")
        .split(['-', '.'])
        .next()
        .unwrap_or_default();
    !std::path::Path::new("/proc").join(pid).exists()
}
