//! Who has a tag: what lives already is given one, and what found no room is looked after.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    time::{Duration, Instant},
};

use super::Guard;
use crate::{
    daemon::error::ApplyError,
    identity::{
        instance, systemd,
        unit_name::cgroup_names,
        walk::{self, Casualties, Shortage},
    },
    policy::{Matches, Scope},
};

/// Looking for cgroups without a tag takes at most one part in so many of the daemon's time.
const SETTLE_SHARE: u32 = 20;

impl Guard {
    pub(super) fn tag_existing(&mut self, shortage: Shortage<'_>) -> Result<(), ApplyError> {
        let mut paths = BTreeMap::new();
        let mut units = BTreeMap::new();
        for agent in self.agents.iter().filter(|agent| !agent.retired) {
            let Matches {
                units: names,
                cgroups,
            } = &agent.scope.matches;
            paths.extend(cgroups.iter().map(|path| (path.clone(), agent.slot)));
            let names = names.iter().flat_map(|unit| cgroup_names(unit));
            units.extend(names.map(|name| (name, agent.slot)));
        }
        let (agents, own) = (&self.agents, &self.own);
        let agent_of = |path: &str| {
            paths
                .get(path)
                .or_else(|| units.get(unit_of(path)?))
                .copied()
                .or_else(|| {
                    let name = instance::agent_of(own, path)?;
                    agents.get(name).map(|agent| agent.slot)
                })
        };
        if systemd::has_executor() {
            self.loaded.expect_executors()?;
        }
        walk::tag_all(&self.cgroups, &mut self.tables, agent_of, shortage)?;
        // What is born or comes in from now on is noted by the programs.
        self.loaded.note_tasks()?;
        Ok(())
    }

    /// The agents whose instances run although nothing declares them: they were left by a daemon
    /// that knew them. Their scopes are gone, so they get ones that allow nothing.
    pub(in crate::daemon) fn orphans(&self, scopes: &[Scope]) -> io::Result<Vec<Scope>> {
        let mut orphans: BTreeMap<String, Scope> = BTreeMap::new();
        let directory = self.cgroups.directory(&self.own);
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = format!("{}/{}", self.own, entry?.file_name().to_string_lossy());
            let Some(name) = instance::agent_of(&self.own, &path) else {
                continue;
            };
            if !scopes.iter().any(|scope| scope.agent.name == name) {
                orphans
                    .entry(name.to_owned())
                    .or_insert_with(|| Scope::closed(name, directory.clone()));
            }
        }
        Ok(orphans.into_values().collect())
    }

    /// Tags cgroups that found no room when they were made, if there is room by now. Those that
    /// nothing confines are killed, and their paths returned.
    pub(in crate::daemon) fn settle(&mut self) -> Result<Vec<String>, ApplyError> {
        let lost = self.tables.lost()?;
        let is_due = self.tables.untagged()? != 0 && Instant::now() >= self.settle_at;
        let mut casualties = Casualties::default();
        if lost != self.lost || is_due {
            let begun = Instant::now();
            self.tag_existing(Shortage::Kill(&mut casualties))?;
            self.lost = lost;
            // A table that stays full must not keep the daemon busy; what nothing confines may.
            let pause = begun.elapsed() * SETTLE_SHARE;
            let is_urgent = casualties.cgroups != 0;
            self.settle_at = Instant::now() + if is_urgent { Duration::ZERO } else { pause };
        }
        Ok(casualties.killed)
    }
}

/// The name of the cgroup, if it is a system unit's as the kernel side tells it: beneath slices only.
fn unit_of(path: &str) -> Option<&str> {
    let (slices, name) = path
        .strip_prefix('/')?
        .rsplit_once('/')
        .map_or(("", path.trim_start_matches('/')), |(slices, name)| {
            (slices, name)
        });
    let beneath_slices = slices.is_empty()
        || slices
            .split('/')
            .all(|it| Path::new(it).extension().is_some_and(|end| end == "slice"));
    beneath_slices.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_lies_beneath_slices_only() {
        assert_eq!(unit_of("/system.slice/x.service"), Some("x.service"));
        assert_eq!(unit_of("/a.slice/a-b.slice/x.service"), Some("x.service"));
        assert_eq!(unit_of("/agents.slice"), Some("agents.slice"));
        assert_eq!(unit_of("/user.slice/user@1000.service/x.service"), None);
        assert_eq!(unit_of("/"), Some(""));
    }
}
