//! The enforcing half of the daemon: what is loaded, attached, declared and tagged.

mod applied;
mod instances;
mod resolver;
mod tags;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Instant,
};

use agentguard_common::identity::Tag;

pub(super) use self::applied::Applied;
use super::{
    agents::{Agents, Change},
    directory::Directory,
    error::ApplyError,
    names,
};
use crate::{
    identity::{
        cgroup_path::CgroupPaths, places, systemd, unit_name::cgroup_names, walk::Shortage,
    },
    kernel::{
        attach::AttachPoints,
        cgroup2::Cgroup2,
        object::Loaded,
        tables::{TableError, Tables},
    },
    policy::{Matches, Scope},
};

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
    /// Whether a scope has rules by name.
    has_names: bool,
    directory: Arc<Directory>,
    /// The resolver.
    names: names::Shared,
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

impl Guard {
    /// A guard over nothing yet. `own` is the path of the daemon's own cgroup.
    pub(super) fn new(
        cgroups: Cgroup2,
        own: String,
        loaded: Loaded,
        tables: Tables,
        directory: Arc<Directory>,
        names: names::Shared,
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
            has_names: false,
            directory,
            names,
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
        let confines_sockets = scopes.iter().any(|scope| scope.path_rules().is_some());
        let confines_files = scopes.iter().any(|scope| scope.files.is_some());
        let changes = self.agents.plan(scopes)?;
        if confines_sockets {
            self.loaded.attach_socket_hooks()?;
        }
        if confines_files {
            self.loaded.attach_file_hooks()?;
        }
        self.has_names = changes.iter().any(|change| change.compiled.has_names())
            || self.keeps_names(&changes)?;
        self.loaded.attach_name_hooks(self.has_names)?;
        self.attach(matches.iter())?;
        let applied = self.install(changes, &names)?;
        self.tag_existing(Shortage::Fail)?;
        Ok(applied)
    }

    /// Whether an agent whose scope stays has rules by name.
    fn keeps_names(&self, changes: &[Change]) -> Result<bool, TableError> {
        for agent in self.agents.iter() {
            let stays = changes.iter().all(|change| change.slot != agent.slot);
            if stays && self.tables.names(agent.slot)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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
        self.attached.update(
            &mut self.loaded.ebpf,
            &self.cgroups,
            &wanted,
            self.has_names,
        )?;
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
        let scope_of = |slot| {
            let change = changes.iter().find(|change| change.slot == slot)?;
            Some(Arc::clone(&change.scope))
        };
        let mut resolver = names::lock(&self.names);
        let mut prepared = Vec::new();
        let installed = self.tables.install(&scopes, |new| {
            prepared.extend_from_slice(new);
            resolver.prepare(new, scope_of)
        });
        match &installed {
            Ok(_) => resolver.settle(&prepared),
            Err(_) => resolver.revert(&prepared),
        }
        drop(resolver);
        let versions: BTreeMap<u32, u32> = installed?.into_iter().collect();
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

    /// Paths of the cgroups that the programs are attached to.
    pub(super) fn attach_points(&self) -> Vec<String> {
        self.attached.paths()
    }

    /// The tags of all cgroups, by cgroup id.
    pub(super) fn tags(&self) -> Result<Vec<(u64, Tag)>, TableError> {
        self.tables.tags()
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
