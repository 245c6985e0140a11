//! The instances of `run`: made, entered, counted, removed.

use std::{collections::BTreeMap, io, os::unix::fs::MetadataExt, path::Path};

use super::Guard;
use crate::{
    identity::{instance, systemd},
    kernel::{load_error::LoadError, tables::TableError},
};

impl Guard {
    /// Makes a tagged cgroup for a new instance of an agent, which nobody is in yet.
    pub(in crate::daemon) fn create_instance(
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
    pub(in crate::daemon) fn entering(&mut self, path: &str) {
        self.entering.insert(path.to_owned());
    }

    /// Notes that an instance was entered, or never will be. The kernel names only one thread of what
    /// comes into a cgroup.
    pub(in crate::daemon) fn entered(&mut self, path: &str) -> Result<(), LoadError> {
        self.entering.remove(path);
        self.loaded.note_tasks()
    }

    /// Removes instances in which nothing runs any more. systemd removes its own.
    pub(in crate::daemon) fn collect_instances(&self) -> io::Result<()> {
        if systemd::is_running() {
            return Ok(());
        }
        instance::collect(&self.cgroups, &self.own, |path| {
            self.entering.contains(path)
        })
    }

    /// Whether `run` may make another instance.
    pub(in crate::daemon) fn has_room(&self) -> Result<(), String> {
        let running = instance::count(&self.cgroups, &self.own)
            .map_err(|error| format!("cannot count the instances that run: {error}"))?;
        if running >= self.max_instances as usize {
            return Err(format!("{running} instances run already"));
        }
        Ok(())
    }

    /// Whether a cgroup is an agent's: it or an ancestor has a tag.
    pub(in crate::daemon) fn is_agents(&self, path: &str) -> io::Result<bool> {
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

    /// How many instances of each agent have processes.
    pub(in crate::daemon) fn count_instances(&mut self) -> Result<BTreeMap<u32, u64>, TableError> {
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
}
