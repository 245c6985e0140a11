//! What was learned for scopes with rules by name, in the kernel.
//!
//! As with [banks](super::banks), a table is made before anything points to it, and freed when nothing
//! does any more and no program can still be reading it. Who holds it may still write to it: nothing
//! comes of that.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
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
    object::LoadError,
    sys::{self, Existing},
};

/// What was learned for one version of a scope.
#[derive(Debug)]
pub struct NameTable {
    addresses: OwnedFd,
    names: OwnedFd,
    /// Addresses in it.
    count: AtomicUsize,
}

impl NameTable {
    /// Notes that rules speak of an address until `expires_ns`, nanoseconds of `CLOCK_BOOTTIME`; what was
    /// known of it is replaced. `false` if there is no room: there is for
    /// [`MAX_LEARNED`] addresses. The address must be [canonical](Address::canonical).
    pub fn learn(&self, address: &Address, rules: RuleSet, expires_ns: u64) -> io::Result<bool> {
        let written = write(&self.addresses, address, rules, expires_ns)?;
        if written == Written::New {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(written != Written::Full)
    }

    /// Forgets an address. Forgetting what is not known is no error.
    pub fn forget(&self, address: &Address) -> io::Result<()> {
        if sys::remove(self.addresses.as_fd(), address)? {
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
        write(&self.names, name, rules, expires_ns).map(|written| written != Written::Full)
    }

    /// Forgets a name.
    pub fn forget_name(&self, name: &ServerName) -> io::Result<()> {
        sys::remove(self.names.as_fd(), name).map(drop)
    }

    /// How many addresses are known.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether no address is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    New,
    Replaced,
    Full,
}

fn write<K: aya::Pod>(
    map: &OwnedFd,
    key: &K,
    rules: RuleSet,
    expires_ns: u64,
) -> io::Result<Written> {
    let value = Learned { rules, expires_ns };
    let write = |existing| sys::write(map.as_fd(), key, &value, existing);
    // Somebody else may add or remove it in between; not for ever.
    for _ in 0..4 {
        match write(Existing::Yes) {
            Ok(()) => return Ok(Written::Replaced),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            Err(error) => return Err(error),
        }
        match write(Existing::No) {
            Ok(()) => return Ok(Written::New),
            Err(error) => match error.raw_os_error() {
                Some(libc::EEXIST) => {}
                Some(libc::E2BIG | libc::ENOMEM) => return Ok(Written::Full),
                _ => return Err(error),
            },
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// The tables of all scopes.
pub(super) struct NameTables {
    addresses: Family,
    names: Family,
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
            addresses: Family::take(ebpf, "LEARNED", "LEARNED_LIKE")?,
            names: Family::take(ebpf, "NAMES", "NAMES_LIKE")?,
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
        let table = Arc::new(NameTable {
            addresses: self.addresses.create(MAX_LEARNED)?,
            names: self.names.create(MAX_LEARNED_NAMES)?,
            count: AtomicUsize::new(0),
        });
        let placed = Placed {
            index,
            table: Arc::clone(&table),
        };
        // From here on what was published is taken away if the rest fails.
        self.placed.insert(version, placed);
        let published = self
            .addresses
            .put(index, &table.addresses)
            .and_then(|()| self.names.put(index, &table.names));
        if let Err(error) = published {
            self.retire(version);
            return Err(error);
        }
        Ok((index, table))
    }

    /// The table of a policy version.
    pub(super) fn get(&self, version: u32) -> Option<Arc<NameTable>> {
        let placed = self.placed.get(&version)?;
        Some(Arc::clone(&placed.table))
    }

    /// Notes that nothing points to the table of a policy version any more.
    pub(super) fn retire(&mut self, version: u32) {
        let placed = self.placed.remove(&version);
        self.retired.extend(placed.map(|it| it.index));
    }

    /// Whether something is to be freed.
    pub(super) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees what is retired, once no program can be reading it.
    pub(super) fn free_retired(&mut self) {
        for index in std::mem::take(&mut self.retired) {
            for family in [&mut self.addresses, &mut self.names] {
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
