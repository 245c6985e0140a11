//! What was learned for scopes with rules by name, in the kernel.
//!
//! As with [banks](super::banks), a table is made before anything points to it, and freed when nothing
//! does any more and no program can still be reading it. Who holds it may still write to it: nothing
//! comes of that.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use agentguard_common::{
    address::Address,
    limits::{MAX_LEARNED, MAX_LEARNED_NAMES, MAX_NAME_TABLES},
    names::{Learned, ServerName},
    rules::RuleSet,
};
use aya::Ebpf;

use super::{
    family::Family,
    growing::{Growing, Written},
    load_error::LoadError,
};

/// What was learned for one version of a scope.
#[derive(Debug)]
pub struct NameTable {
    addresses: Growing,
    names: Growing,
    /// Addresses in it.
    count: AtomicUsize,
}

impl NameTable {
    /// Notes that rules speak of an address until `expires_ns`, nanoseconds of `CLOCK_BOOTTIME`; what was
    /// known of it is replaced. `false` if there is no room: there is for
    /// [`MAX_LEARNED`] addresses. The address must be [canonical](Address::canonical).
    pub fn learn(&self, address: &Address, rules: RuleSet, expires_ns: u64) -> io::Result<bool> {
        let written = self
            .addresses
            .write(address, &Learned { rules, expires_ns })?;
        if written == Written::New {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(written != Written::Full)
    }

    /// Forgets an address. Forgetting what is not known is no error.
    pub fn forget(&self, address: &Address) -> io::Result<()> {
        if self.addresses.remove(address)? {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// As [`learn`](Self::learn), of a name, for TLS. There is room for [`MAX_LEARNED_NAMES`].
    pub fn learn_name(
        &self,
        name: &ServerName,
        rules: RuleSet,
        expires_ns: u64,
    ) -> io::Result<bool> {
        let written = self.names.write(name, &Learned { rules, expires_ns })?;
        Ok(written != Written::Full)
    }

    /// Forgets a name.
    pub fn forget_name(&self, name: &ServerName) -> io::Result<()> {
        self.names.remove(name).map(drop)
    }

    /// How many addresses are known.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Bytes of kernel memory that it takes, as the kernel counts them.
    #[cfg(test)]
    pub(super) fn memory(&self) -> u64 {
        self.addresses.memory() + self.names.memory()
    }

    /// Whether no address is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The tables of all scopes.
pub(super) struct NameTables {
    addresses: Arc<Family>,
    names: Arc<Family>,
    /// By policy version.
    placed: HashMap<u32, Placed>,
    /// Numbers of those whose scopes are replaced, and that a program may still read.
    retired: Vec<u32>,
}

struct Placed {
    index: u32,
    table: Arc<NameTable>,
}

impl NameTables {
    /// Takes the tables out of a loaded object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            addresses: Arc::new(Family::take(ebpf, "LEARNED", "LEARNED_LIKE")?),
            names: Arc::new(Family::take(ebpf, "NAMES", "NAMES_LIKE")?),
            placed: HashMap::new(),
            retired: Vec::new(),
        })
    }

    /// Makes the table of a policy version, and returns it with its number. Nothing points to it yet; if
    /// nothing will, it must be [retired](Self::retire).
    pub(super) fn place(&mut self, version: u32) -> io::Result<(u32, Arc<NameTable>)> {
        let index = self
            .free_index()
            .ok_or_else(|| io::Error::other("too many scopes are loaded; restart the daemon"))?;
        let placed = self.place_at(index);
        let table = match placed {
            Ok(table) => Arc::new(table),
            Err(error) => {
                // One of the two may be there.
                self.retired.push(index);
                return Err(error);
            }
        };
        let placed = Placed {
            index,
            table: Arc::clone(&table),
        };
        self.placed.insert(version, placed);
        Ok((index, table))
    }

    fn place_at(&self, index: u32) -> io::Result<NameTable> {
        Ok(NameTable {
            addresses: Growing::place(&self.addresses, index, MAX_LEARNED)?,
            names: Growing::place(&self.names, index, MAX_LEARNED_NAMES)?,
            count: AtomicUsize::new(0),
        })
    }

    /// The table of a policy version.
    pub(super) fn get(&self, version: u32) -> Option<Arc<NameTable>> {
        let placed = self.placed.get(&version)?;
        Some(Arc::clone(&placed.table))
    }

    /// Notes that nothing points to the table of a policy version any more.
    pub(super) fn retire(&mut self, version: u32) {
        if let Some(Placed { index, table }) = self.placed.remove(&version) {
            table.addresses.leave();
            table.names.leave();
            self.retired.push(index);
        }
    }

    /// Whether something is to be freed.
    pub(super) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees what is retired, once no program can be reading it.
    pub(super) fn free_retired(&mut self) {
        for index in std::mem::take(&mut self.retired) {
            for family in [&self.addresses, &self.names] {
                if let Err(error) = family.clear(index) {
                    tracing::warn!("cannot free what was learned of names ({index}): {error}");
                }
            }
        }
    }

    fn free_index(&self) -> Option<u32> {
        let used = |index| {
            self.placed.values().any(|it| it.index == index) || self.retired.contains(&index)
        };
        (0..MAX_NAME_TABLES).find(|index| !used(*index))
    }
}
