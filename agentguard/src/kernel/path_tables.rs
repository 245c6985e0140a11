//! Where compiled path rules lie in the kernel.
//!
//! As with [banks](super::banks), what belongs to a scope is written before anything points to it, and
//! freed when nothing does any more and no program can still be reading it.

use std::{collections::HashMap, io};

use agentguard_common::{
    limits::{MAX_LITERALS, MAX_PATH_TABLES, SHORT_COMPONENT},
    path::{LiteralKey, LongKey, Positions, ShortKey, Table},
};
use aya::{
    Ebpf,
    maps::{HashMap as KernelMap, MapData, MapError},
};

use super::{family::Family, load_error::LoadError};
use crate::policy::paths::Compiled;

/// Why path rules could not be put into the kernel. The scopes in force are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathTableError {
    /// A table could not be made or written.
    #[error("cannot write a scope's path rules into the kernel: {0}")]
    Write(#[from] io::Error),
    /// The literals have no room.
    #[error(
        "cannot write the names in a scope's path rules into the kernel: {0}; all scopes together can have {MAX_LITERALS} different names each"
    )]
    Literals(#[source] Box<MapError>),
    /// There is no free table.
    #[error("{MAX_PATH_TABLES} scopes with path rules are loaded already; restart the daemon")]
    Full,
}

/// The path rules of all scopes.
pub(super) struct PathTables {
    tables: Family,
    glob_rows: Family,
    glob_ends: Family,
    short: KernelMap<MapData, ShortKey, Positions>,
    long: KernelMap<MapData, LongKey, Positions>,
    /// By policy version.
    placed: HashMap<u32, Placed>,
    /// Those whose scopes are replaced, and that a program may still read.
    retired: Vec<(u32, Placed)>,
}

/// What lies in the kernel of one scope.
struct Placed {
    index: u32,
    names: Vec<Box<[u8]>>,
}

impl PathTables {
    /// Takes the tables out of a loaded object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            tables: Family::take(ebpf, "PATH_TABLES", "PATH_TABLE")?,
            glob_rows: Family::take(ebpf, "GLOB_ROWS", "GLOB_ROW")?,
            glob_ends: Family::take(ebpf, "GLOB_ENDS", "GLOB_END")?,
            short: take_hash(ebpf, "SHORT_LITERALS")?,
            long: take_hash(ebpf, "LONG_LITERALS")?,
            placed: HashMap::new(),
            retired: Vec::new(),
        })
    }

    /// Writes the path rules of the policy `version`, and returns the number of their table. Nothing points
    /// to them yet; if nothing will, they must be [retired](Self::retire).
    pub(super) fn place(&mut self, version: u32, rules: &Compiled) -> Result<u16, PathTableError> {
        let index = self.free_index().ok_or(PathTableError::Full)?;
        let names = rules.literals().map(|(name, _)| name.into()).collect();
        // From here on what was written is taken away if the rest fails.
        self.placed.insert(version, Placed { index, names });
        let written = self.write(version, index, rules);
        if let Err(error) = written {
            self.retire(version);
            self.free_retired();
            return Err(error);
        }
        u16::try_from(index).map_err(|_| PathTableError::Full)
    }

    fn write(&mut self, version: u32, index: u32, rules: &Compiled) -> Result<(), PathTableError> {
        for (name, positions) in rules.literals() {
            let inserted = if name.len() <= SHORT_COMPONENT {
                self.short.insert(key(version, name), positions, 0)
            } else {
                self.long.insert(key(version, name), positions, 0)
            };
            inserted.map_err(|error| PathTableError::Literals(Box::new(error)))?;
        }
        let (rows, ends) = rules.globs();
        if !rows.is_empty() {
            self.glob_rows.set(index, &rows)?;
            self.glob_ends.set(index, ends)?;
        }
        let table: Table = rules.table(version);
        self.tables.set(index, &[table])?;
        Ok(())
    }

    /// Notes that nothing points to the path rules of a policy any more.
    pub(super) fn retire(&mut self, version: u32) {
        self.retired.extend(self.placed.remove_entry(&version));
    }

    /// Whether something is to be freed.
    pub(super) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees what is retired, once no program can be reading it.
    pub(super) fn free_retired(&mut self) {
        for (version, Placed { index, names }) in std::mem::take(&mut self.retired) {
            for name in &names {
                let removed = if name.len() <= SHORT_COMPONENT {
                    self.short.remove(&key(version, name))
                } else {
                    self.long.remove(&key(version, name))
                };
                // One that was not written is no error; another leaves it to waste its room.
                if let Err(error) = removed
                    && !is_absent(&error)
                {
                    tracing::warn!("cannot remove a name from the path rules: {error}");
                }
            }
            for family in [&self.tables, &self.glob_rows, &self.glob_ends] {
                if let Err(error) = family.clear(index) {
                    tracing::warn!("cannot free the path rules {index}: {error}");
                }
            }
        }
    }

    fn free_index(&self) -> Option<u32> {
        let used = |index| {
            let retired = self.retired.iter().map(|(_, placed)| placed);
            self.placed
                .values()
                .chain(retired)
                .any(|it| it.index == index)
        };
        (0..MAX_PATH_TABLES).find(|index| !used(*index))
    }
}

fn take_hash<K: aya::Pod, V: aya::Pod>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<KernelMap<MapData, K, V>, LoadError> {
    ebpf.take_map(name)
        .and_then(|map| KernelMap::try_from(map).ok())
        .ok_or(LoadError::Absent(name))
}

/// The key of a literal. A name of a pattern has at most 255 bytes, and one that is longer than the key
/// would not be found.
fn key<const N: usize>(version: u32, name: &[u8]) -> LiteralKey<N> {
    let mut key = LiteralKey {
        version,
        length: u32::try_from(name.len()).unwrap_or(u32::MAX),
        name: [0; N],
    };
    for (to, from) in key.name.iter_mut().zip(name) {
        *to = *from;
    }
    key
}

fn is_absent(error: &MapError) -> bool {
    match error {
        MapError::KeyNotFound => true,
        MapError::SyscallError(error) => error.io_error.raw_os_error() == Some(libc::ENOENT),
        _ => false,
    }
}
