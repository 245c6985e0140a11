//! The enforcing half of the daemon: what is loaded, attached, declared and tagged.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use agentguard_common::identity::Tag;

use super::{
    agents::{Agents, Change},
    directory::Directory,
    error::ApplyError,
};
use crate::{
    identity::{
        cgroup_path::CgroupPaths,
        instance, places, systemd,
        unit_name::cgroup_names,
        walk::{self, Casualties, Shortage},
    },
    kernel::{
        attach::AttachPoints,
        cgroup2::Cgroup2,
        object::{LoadError, Loaded},
        tables::{TableError, Tables},
    },
    policy::{Matches, Scope},
};

/// Looking for cgroups without a tag takes at most one part in so many of the daemon's time.
const SETTLE_SHARE: u32 = 20;

/// What enforces.
pub(super) struct Guard {
    /// The agents.
    pub agents: Agents,
    /// The kernel's tables.
    pub tables: Tables,
    cgroups: Cgroup2,
    own: String,
    loaded: Loaded,
    attached: AttachPoints,
    directory: Arc<Directory>,
    paths: CgroupPaths,
    /// Instances that are made but not entered yet.
    entering: BTreeSet<String>,
    /// Instances of `run` that there may be at once.
    max_instances: u32,
    /// How many cgroups the kernel had counted as lost when the last were looked for.
    lost: u64,
    /// When cgroups without a tag are looked for again.
    settle_at: Instant,
}

/// What loading scopes changed.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Agents that were not declared before.
    pub added: Vec<String>,
    /// Agents whose scope is another one.
    pub changed: Vec<String>,
    /// Agents that are declared no longer.
    pub removed: Vec<String>,
}

impl Guard {
    /// A guard over nothing yet. `own` is the path of the daemon's own cgroup.
    pub(super) fn new(
        cgroups: Cgroup2,
        own: String,
        loaded: Loaded,
        tables: Tables,
        directory: Arc<Directory>,
        max_instances: u32,
    ) -> io::Result<Self> {
        Ok(Self {
            paths: CgroupPaths::new(cgroups.clone())?,
            agents: Agents::default(),
            tables,
            cgroups,
            own,
            loaded,
            attached: AttachPoints::default(),
            directory,
            entering: BTreeSet::new(),
            max_instances,
            lost: 0,
            settle_at: Instant::now(),
        })
    }

    /// Puts scopes in force, all or none: on an error the ones that were in force still are.
    ///
    /// The order leaves no gap: first the programs are where the agents will be, then the scopes
    /// are in the tables, and only then is anything tagged.
    pub(super) fn apply(&mut self, scopes: Vec<Scope>) -> Result<Applied, ApplyError> {
        let names: BTreeSet<String> = scopes
            .iter()
            .map(|scope| scope.agent.name.clone())
            .collect();
        let matches: Vec<Matches> = scopes.iter().map(|scope| scope.matches.clone()).collect();
        for scope in &scopes {
            for path in &scope.matches.cgroups {
                if *path == self.own || places::is_beneath(path, &self.own) {
                    return Err(ApplyError::Own {
                        agent: scope.agent.name.clone(),
                        path: path.clone(),
                    });
                }
            }
        }
        let confines_files = scopes.iter().any(|scope| scope.files.is_some());
        let changes = self.agents.plan(scopes)?;
        if confines_files {
            self.loaded.attach_file_hooks()?;
        }
        self.attach(matches.iter())?;
        let applied = self.install(changes, &names)?;
        self.tag_existing(Shortage::Fail)?;
        Ok(applied)
    }

    /// Attaches the programs where the declared agents are or will be, and where instances still
    /// run whose declaration is gone.
    fn attach<'a>(
        &mut self,
        declared: impl Iterator<Item = &'a Matches>,
    ) -> Result<(), ApplyError> {
        let before = self.attached.paths();
        let running = self.running()?;
        let wanted = places::places(&self.own, declared, &before, &running);
        for place in &wanted {
            places::keep(&self.cgroups, place).map_err(|source| ApplyError::Place {
                cgroup: place.clone(),
                source,
            })?;
        }
        self.attached
            .update(&mut self.loaded.ebpf, &self.cgroups, &wanted)?;
        for place in before.iter().filter(|place| !wanted.contains(*place)) {
            places::release(&self.cgroups, place);
        }
        Ok(())
    }

    /// The paths of the instances that are there.
    fn running(&mut self) -> Result<Vec<String>, TableError> {
        let ids = self.tables.instances()?;
        Ok(ids
            .into_iter()
            .filter_map(|id| self.paths.path(id))
            .collect())
    }

    fn install(
        &mut self,
        changes: Vec<Change>,
        names: &BTreeSet<String>,
    ) -> Result<Applied, ApplyError> {
        let mut applied = Applied::default();
        let before = self.agents.declarations();
        // Events that the new scopes decide must find them.
        let mut directory = self.directory.write();
        let scopes: Vec<_> = changes
            .iter()
            .map(|change| (change.slot, &change.compiled))
            .collect();
        // What can fail comes before what cannot be taken back. An agent that is new has no scope
        // until then, and may reach nothing.
        for change in &changes {
            declare(&mut self.tables, change.slot, &change.scope.matches)?;
        }
        let versions: BTreeMap<u32, u32> = self.tables.install(&scopes)?.into_iter().collect();
        for change in changes {
            let version = versions.get(&change.slot).copied().unwrap_or_default();
            directory.replace(change.slot, version, Arc::clone(&change.scope));
            let name = change.scope.agent.name.clone();
            if change.is_added {
                applied.added.push(name);
            } else {
                applied.changed.push(name);
            }
            self.agents.apply(change, version);
        }
        drop(directory);
        applied.removed = self.agents.retire(|name| names.contains(name));
        // What went from one agent to another has been declared anew, and is not withdrawn.
        let declared = self.agents.declarations();
        for unit in before.units.difference(&declared.units) {
            for name in cgroup_names(unit) {
                self.tables.withdraw_unit(&name)?;
            }
        }
        for path in before.cgroups.difference(&declared.cgroups) {
            self.tables.withdraw_path(path)?;
        }
        Ok(applied)
    }

    fn tag_existing(&mut self, shortage: Shortage<'_>) -> Result<(), ApplyError> {
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
        walk::tag_all(&self.cgroups, &mut self.tables, agent_of, shortage)?;
        // What is born or comes in from now on is noted by the programs.
        self.loaded.note_tasks()?;
        Ok(())
    }

    /// The agents whose instances run although nothing declares them: they were left by a daemon
    /// that knew them. Their scopes are gone, so they get ones that allow nothing.
    pub(super) fn orphans(&self, scopes: &[Scope]) -> io::Result<Vec<Scope>> {
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

    /// Makes a tagged cgroup for a new instance of an agent, which nobody is in yet.
    pub(super) fn create_instance(
        &mut self,
        slot: u32,
        name: &str,
    ) -> Result<instance::Instance, String> {
        self.has_room()?;
        let made = instance::create(&self.cgroups, &self.own, name)
            .map_err(|error| format!("cannot make a cgroup for '{name}': {error}"))?;
        if let Err(error) = self.tables.tag_instance(made.id, slot) {
            instance::remove_tree(&self.cgroups.directory(&made.path));
            return Err(error.to_string());
        }
        self.entering.insert(made.path.clone());
        Ok(made)
    }

    /// Notes that an instance is made but not entered yet: it is empty, and must not be collected.
    pub(super) fn entering(&mut self, path: &str) {
        self.entering.insert(path.to_owned());
    }

    /// Notes that an instance was entered, or never will be. The kernel names only one thread of what
    /// comes into a cgroup.
    pub(super) fn entered(&mut self, path: &str) -> Result<(), LoadError> {
        self.entering.remove(path);
        self.loaded.note_tasks()
    }

    /// Removes instances in which nothing runs any more. systemd removes its own.
    pub(super) fn collect_instances(&self) -> io::Result<()> {
        if systemd::is_running() {
            return Ok(());
        }
        instance::collect(&self.cgroups, &self.own, |path| {
            self.entering.contains(path)
        })
    }

    /// Attaches the programs again where they were lost with their cgroup, if any were.
    pub(super) fn mend(&mut self) -> Result<Vec<String>, ApplyError> {
        let lost = self.attached.lost(&self.cgroups);
        if !lost.is_empty() {
            let matches: Vec<Matches> = self
                .agents
                .iter()
                .filter(|agent| !agent.retired)
                .map(|agent| agent.scope.matches.clone())
                .collect();
            self.attach(matches.iter())?;
            self.tag_existing(Shortage::Fail)?;
        }
        Ok(lost)
    }

    /// Tags cgroups that found no room when they were made, if there is room by now. Those that
    /// nothing confines are killed, and their paths returned.
    pub(super) fn settle(&mut self) -> Result<Vec<String>, ApplyError> {
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

    /// Whether `run` may make another instance.
    pub(super) fn has_room(&self) -> Result<(), String> {
        let running = instance::count(&self.cgroups, &self.own)
            .map_err(|error| format!("cannot count the instances that run: {error}"))?;
        if running >= self.max_instances as usize {
            return Err(format!("{running} instances run already"));
        }
        Ok(())
    }

    /// Whether a cgroup is an agent's: it or an ancestor has a tag.
    pub(super) fn is_agents(&self, path: &str) -> io::Result<bool> {
        let ancestors = Path::new(path).ancestors();
        for ancestor in ancestors.filter(|it| *it != Path::new("/")) {
            let directory = self.cgroups.directory(&ancestor.to_string_lossy());
            let id = std::fs::metadata(directory)?.ino();
            let whose = |id| -> Result<_, TableError> {
                Ok(self.tables.tag(id)?.or(self.tables.instance(id)?))
            };
            if whose(id).map_err(io::Error::other)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Paths of the cgroups that the programs are attached to.
    pub(super) fn attach_points(&self) -> Vec<String> {
        self.attached.paths()
    }

    /// The tags of all cgroups, by cgroup id.
    pub(super) fn tags(&self) -> Result<Vec<(u64, Tag)>, TableError> {
        self.tables.tags()
    }

    /// How many instances of each agent have processes.
    pub(super) fn count_instances(&mut self) -> Result<BTreeMap<u32, u64>, TableError> {
        let mut counts = BTreeMap::new();
        for id in self.tables.instances()? {
            let Some(tag) = self.tables.instance(id)? else {
                continue;
            };
            let is_running = self.paths.path(id).is_some_and(|path| {
                instance::is_populated(&self.cgroups.directory(&path)).unwrap_or(true)
            });
            *counts.entry(tag.agent).or_default() += u64::from(is_running);
        }
        Ok(counts)
    }

    /// Stops enforcing: detaches the programs, and lets go of the places that were kept.
    pub(super) fn stand_down(&mut self) {
        let places = self.attached.paths();
        self.attached = AttachPoints::default();
        self.loaded.detach_hooks();
        for place in places {
            places::release(&self.cgroups, &place);
        }
        if systemd::is_running() {
            return;
        }
        // Ours, unless instances still run in it.
        let _ = std::fs::remove_dir(self.cgroups.directory(&self.own));
    }
}

fn declare(tables: &mut Tables, slot: u32, matches: &Matches) -> Result<(), TableError> {
    for path in &matches.cgroups {
        tables.declare_path(path, slot)?;
    }
    for unit in &matches.units {
        for name in cgroup_names(unit) {
            tables.declare_unit(&name, slot)?;
        }
    }
    Ok(())
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
