//! The tables that the daemon fills and the programs read.

use std::{io, sync::Arc};

use agentguard_common::{
    counters::Counters,
    identity::{Tag, untagged},
    limits::{MAX_CGROUP_PATH, MAX_DECLARED_INSTANCES, MAX_INSTANCES, MAX_UNIT_NAME},
    scope::ScopeWord,
};
use aya::{
    Ebpf,
    maps::{Array, HashMap, Map, MapData, MapError, RingBuf},
};

use super::{
    banks::{BankError, Banks, Placed},
    load_error::LoadError,
    name_tables::{NameTable, NameTables},
    path_tables::PathTables,
};
use crate::policy::Compiled;

/// Why a table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A map operation failed.
    #[error("cannot {what}: {source}")]
    Map {
        /// What was to be done.
        what: &'static str,
        /// Why it failed.
        source: Box<MapError>,
    },
    /// Scopes could not be placed.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// The components of mount points could not be written.
    #[error("cannot write where superblocks are mounted: {0}")]
    Nodes(#[source] io::Error),
    /// What was learned of names could not be written for new scopes.
    #[error("cannot write what is known of names: {0}")]
    Learn(#[source] io::Error),
    /// It is not known when no program runs any more that was there before.
    #[error("cannot wait for the programs: {0}")]
    Wait(#[source] io::Error),
    /// Neither the table of tags nor that of instances has room.
    #[error(
        "there is no room for another cgroup of an agent: {MAX_INSTANCES} instances of `run` and {MAX_DECLARED_INSTANCES} declared units and cgroups are alive"
    )]
    NoRoom,
    /// A path or a name does not fit the table's key.
    #[error("'{0}' is too long to be declared")]
    TooLong(String),
}

pub(super) fn failed(what: &'static str) -> impl FnOnce(MapError) -> TableError {
    move |source| TableError::Map {
        what,
        source: Box::new(source),
    }
}

/// What was learned of names for an agent, as its scope is replaced by one that is not in force yet.
#[derive(Clone, Debug)]
pub struct NewNames {
    /// The agent's slot.
    pub agent: u32,
    /// The version of the new scope.
    pub version: u32,
    /// For the scope in force, if it has rules by name.
    pub old: Option<Arc<NameTable>>,
    /// For the new one, if it has: still empty.
    pub new: Option<Arc<NameTable>>,
}

/// The tables.
pub struct Tables {
    tags: HashMap<MapData, u64, Tag>,
    instances: HashMap<MapData, u64, Tag>,
    untagged: Array<MapData, u64>,
    enrolments: Array<MapData, u64>,
    paths: HashMap<MapData, [u8; MAX_CGROUP_PATH], u32>,
    units: HashMap<MapData, [u8; MAX_UNIT_NAME], u32>,
    slices: HashMap<MapData, u64, u8>,
    scopes: Array<MapData, u64>,
    counters: Array<MapData, Counters>,
    banks: Banks,
}

impl Tables {
    /// Takes the tables out of a loaded object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        let Some(Map::ArrayOfMaps(banks)) = ebpf.take_map("BANKS") else {
            return Err(LoadError::Absent("BANKS"));
        };
        let Some(Map::Array(template)) = ebpf.take_map("BANK") else {
            return Err(LoadError::Absent("BANK"));
        };
        Ok(Self {
            tags: take(ebpf, "TAGS")?,
            instances: take(ebpf, "INSTANCES")?,
            untagged: take(ebpf, "UNTAGGED")?,
            enrolments: take(ebpf, "ENROLMENTS")?,
            paths: take(ebpf, "PATHS")?,
            units: take(ebpf, "UNITS")?,
            slices: take(ebpf, "SLICES")?,
            scopes: take(ebpf, "SCOPES")?,
            counters: take(ebpf, "COUNTERS")?,
            banks: Banks::new(
                banks,
                template,
                PathTables::take(ebpf)?,
                NameTables::take(ebpf)?,
            ),
        })
    }

    /// Puts scopes in force, one agent after another; each operation of an agent sees its old scope
    /// or its new one. On an error all keep their old ones. Returns each agent's policy version.
    ///
    /// `fill` is called before the first is in force, to write what is known of names for those that
    /// have, or had, rules by name.
    pub fn install(
        &mut self,
        scopes: &[(u32, &Compiled)],
        fill: impl FnOnce(&[NewNames]) -> io::Result<()>,
    ) -> Result<Vec<(u32, u32)>, TableError> {
        let placed = self.banks.place(scopes)?;
        if let Err(error) = self.fill(&placed, fill) {
            self.banks.release(placed.iter().map(|scope| scope.word));
            return Err(error);
        }
        let mut old = Vec::with_capacity(placed.len());
        for (done, scope) in placed.iter().enumerate() {
            let swapped = self.swap(scope.agent, scope.word);
            match swapped {
                Ok(word) => old.push((scope.agent, word)),
                Err(error) => {
                    // Back to what was; the same operation has just succeeded for each.
                    for (agent, word) in &old {
                        self.swap(*agent, *word)?;
                    }
                    self.banks.release(placed.iter().map(|scope| scope.word));
                    tracing::error!("{done} scopes were put in force and taken back");
                    return Err(error);
                }
            }
        }
        self.banks.release(old.into_iter().map(|(_, word)| word));
        Ok(placed
            .into_iter()
            .map(|scope| (scope.agent, scope.word.version()))
            .collect())
    }

    fn fill(
        &self,
        placed: &[Placed],
        fill: impl FnOnce(&[NewNames]) -> io::Result<()>,
    ) -> Result<(), TableError> {
        let mut names = Vec::new();
        for scope in placed {
            let it = NewNames {
                agent: scope.agent,
                version: scope.word.version(),
                old: self.names(scope.agent)?,
                new: scope.names.clone(),
            };
            if it.old.is_some() || it.new.is_some() {
                names.push(it);
            }
        }
        fill(&names).map_err(TableError::Learn)
    }

    /// What was learned of names for an agent's scope in force, if it has rules by name.
    pub fn names(&self, agent: u32) -> Result<Option<Arc<NameTable>>, TableError> {
        self.word(agent).map(|word| self.banks.names(word))
    }

    fn word(&self, agent: u32) -> Result<ScopeWord, TableError> {
        self.scopes
            .get(&agent, 0)
            .map(ScopeWord)
            .map_err(failed("read an agent's scope"))
    }

    fn swap(&mut self, agent: u32, word: ScopeWord) -> Result<ScopeWord, TableError> {
        let old = self.word(agent)?;
        self.scopes
            .set(agent, word.0, 0)
            .map_err(failed("put an agent's scope in force"))?;
        Ok(old)
    }

    /// Declares a cgroup path: the kernel tags the cgroup the moment that it is made.
    pub fn declare_path(&mut self, path: &str, agent: u32) -> Result<(), TableError> {
        self.paths
            .insert(key(path)?, agent, 0)
            .map_err(failed("declare a cgroup"))
    }

    /// Withdraws the declaration of a cgroup path. What is tagged stays tagged.
    pub fn withdraw_path(&mut self, path: &str) -> Result<(), TableError> {
        forgiving(self.paths.remove(&key(path)?)).map_err(failed("withdraw a cgroup"))
    }

    /// Declares a systemd unit.
    pub fn declare_unit(&mut self, unit: &str, agent: u32) -> Result<(), TableError> {
        self.units
            .insert(key(unit)?, agent, 0)
            .map_err(failed("declare a unit"))
    }

    /// Withdraws the declaration of a unit's cgroup. What is tagged stays tagged.
    pub fn withdraw_unit(&mut self, unit: &str) -> Result<(), TableError> {
        forgiving(self.units.remove(&key(unit)?)).map_err(failed("withdraw a unit"))
    }

    /// Notes that a cgroup is the root, or a slice beneath nothing but slices.
    pub fn mark_slice(&mut self, cgroup: u64) -> Result<(), TableError> {
        self.slices
            .insert(cgroup, 0, 0)
            .map_err(failed("note a slice"))
    }

    /// The tag of a cgroup.
    pub fn tag(&self, cgroup: u64) -> Result<Option<Tag>, TableError> {
        found(self.tags.get(&cgroup, 0)).map_err(failed("read a tag"))
    }

    /// The tag of the instance that begins at a cgroup.
    pub fn instance(&self, cgroup: u64) -> Result<Option<Tag>, TableError> {
        found(self.instances.get(&cgroup, 0)).map_err(failed("read an instance"))
    }

    /// Tags the cgroup at which an instance begins, as [`inherit`](Self::inherit) does.
    pub fn tag_instance(&mut self, cgroup: u64, agent: u32) -> Result<bool, TableError> {
        let tag = Tag {
            instance: cgroup,
            agent,
            reserved: 0,
        };
        // Without room here, it is confined if it gets a tag.
        fits(self.instances.insert(cgroup, tag, 0)).map_err(failed("note an instance"))?;
        self.inherit(cgroup, tag)
    }

    /// Tags a cgroup within an instance. `false` if there was no room, and the programs find it by
    /// its ancestors; [`NoRoom`](TableError::NoRoom) if they could not.
    pub fn inherit(&mut self, cgroup: u64, tag: Tag) -> Result<bool, TableError> {
        if fits(self.tags.insert(cgroup, tag, 0)).map_err(failed("tag a cgroup"))? {
            self.note_enrolment()?;
            return Ok(true);
        }
        if self.instance(tag.instance)?.is_none()
            && !fits(self.instances.insert(tag.instance, tag, 0))
                .map_err(failed("note an instance"))?
        {
            return Err(TableError::NoRoom);
        }
        self.note_untagged()?;
        Ok(false)
    }

    /// Notes that a cgroup of an agent has no tag: the programs then look among the ancestors of
    /// every cgroup that has none, until it is [settled](Self::settle).
    pub fn note_untagged(&mut self) -> Result<(), TableError> {
        let settled = self.count(untagged::SETTLED)?;
        self.set_settled(settled.wrapping_sub(1))?;
        self.note_enrolment()
    }

    /// Makes the programs forget what they know of cgroups, once a tag of one that exists has
    /// changed.
    fn note_enrolment(&mut self) -> Result<(), TableError> {
        let count = self
            .enrolments
            .get(&0, 0)
            .map_err(failed("read how often tags have changed"))?;
        self.enrolments
            .set(0, count.wrapping_add(1), 0)
            .map_err(failed("note that a tag has changed"))
    }

    /// How many cgroups found no room for a tag since the programs were loaded.
    pub fn made_untagged(&self) -> Result<u64, TableError> {
        self.count(untagged::MADE)
    }

    /// Notes that of the cgroups that had found no room when there were `made` of them, `left` have
    /// none still.
    pub fn settle(&mut self, made: u64, left: u64) -> Result<(), TableError> {
        self.set_settled(made.wrapping_sub(left))
    }

    /// How many cgroups have no tag because there was no room.
    pub fn untagged(&self) -> Result<u64, TableError> {
        let made = self.count(untagged::MADE)?;
        Ok(made.wrapping_sub(self.count(untagged::SETTLED)?))
    }

    /// How many cgroups were made that nothing confined, since the programs were loaded.
    pub fn lost(&self) -> Result<u64, TableError> {
        self.count(untagged::LOST)
    }

    fn count(&self, index: u32) -> Result<u64, TableError> {
        self.untagged
            .get(&index, 0)
            .map_err(failed("read how many cgroups have no tag"))
    }

    fn set_settled(&mut self, count: u64) -> Result<(), TableError> {
        self.untagged
            .set(untagged::SETTLED, count, 0)
            .map_err(failed("count the cgroups that have no tag"))
    }

    /// The cgroup ids at which instances begin.
    pub fn instances(&self) -> Result<Vec<u64>, TableError> {
        self.instances
            .keys()
            .collect::<Result<_, _>>()
            .map_err(failed("list the instances"))
    }

    /// The tags of all cgroups, by cgroup id.
    pub fn tags(&self) -> Result<Vec<(u64, Tag)>, TableError> {
        self.tags
            .iter()
            .collect::<Result<_, _>>()
            .map_err(failed("list the tags"))
    }

    /// What the kernel counted for an agent.
    pub fn counters(&self, agent: u32) -> Result<Counters, TableError> {
        self.counters
            .get(&agent, 0)
            .map_err(failed("read an agent's counters"))
    }
}

/// Takes the ring buffer of events out of a loaded object.
pub fn take_events(ebpf: &mut Ebpf) -> Result<RingBuf<MapData>, LoadError> {
    take(ebpf, "EVENTS")
}

pub(super) fn take<T: TryFrom<Map>>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, LoadError> {
    ebpf.take_map(name)
        .and_then(|map| T::try_from(map).ok())
        .ok_or(LoadError::Absent(name))
}

/// A key of fixed size: the text, padded with zeros. The programs cannot tell a text that fills the
/// key from one that was cut.
fn key<const N: usize>(text: &str) -> Result<[u8; N], TableError> {
    let mut key = [0; N];
    match key.get_mut(..text.len()) {
        Some(start) if text.len() <= N - 2 => start.copy_from_slice(text.as_bytes()),
        _ => return Err(TableError::TooLong(text.to_owned())),
    }
    Ok(key)
}

/// Whether there was room.
pub(super) fn fits(result: Result<(), MapError>) -> Result<bool, MapError> {
    match result {
        Err(MapError::SyscallError(error))
            if matches!(
                error.io_error.raw_os_error(),
                Some(libc::E2BIG | libc::ENOMEM)
            ) =>
        {
            Ok(false)
        }
        result => result.map(|()| true),
    }
}

pub(super) fn found<T>(result: Result<T, MapError>) -> Result<Option<T>, MapError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(MapError::KeyNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removing what is not there is no error.
pub(super) fn forgiving(result: Result<(), MapError>) -> Result<(), MapError> {
    match result {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
        {
            Ok(())
        }
        result => result,
    }
}
