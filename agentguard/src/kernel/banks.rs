//! Where compiled scopes lie in the kernel.
//!
//! A bank is written once, before any agent's word points to it, and freed when none does any more
//! and no program can still be reading it. So a program sees a scope whole, old or new.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use agentguard_common::{
    limits::{MAX_BANK_ROWS, MAX_BANKS, MAX_SECTION_ROWS},
    scope::ScopeWord,
};
use aya::maps::MapData;

use super::{
    bank_types::BankTypes,
    name_tables::{NameTable, NameTables},
    path_tables::{PathTableError, PathTables},
    sys,
};
use crate::policy::Compiled;

/// Why scopes could not be put into the kernel. The scopes in force are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BankError {
    /// A bank could not be created.
    #[error("cannot create a table for the scopes: {0}")]
    Create(#[source] io::Error),
    /// A bank could not be written.
    #[error("cannot write the scopes into the kernel: {0}")]
    Write(#[source] io::Error),
    /// A bank could not be published.
    #[error("cannot publish the scopes: {0}")]
    Publish(#[source] io::Error),
    /// Path rules could not be placed.
    #[error(transparent)]
    Paths(#[from] PathTableError),
    /// There is no table for what is learned of names.
    #[error("cannot make a table for a scope's rules by name: {0}")]
    Names(#[source] io::Error),
    /// There is no free bank.
    #[error("{MAX_BANKS} sets of scopes are loaded already; restart the daemon")]
    Full,
}

/// The banks, and which agents' scopes are in which.
pub(super) struct Banks {
    outer: MapData,
    /// What banks are made like.
    template: MapData,
    /// The scopes' path rules.
    paths: PathTables,
    /// What is learned for their rules by name.
    names: NameTables,
    /// Their types: told to the kernel with the first of them.
    types: Option<BankTypes>,
    /// Bank → agents that point to it.
    used: HashMap<u32, u32>,
    /// Banks without agents that a program may still read.
    retired: Vec<u32>,
    next_version: u32,
}

/// A scope that lies in a bank and is not in force yet.
pub(super) struct Placed {
    /// The agent's slot.
    pub agent: u32,
    /// The word that puts it in force.
    pub word: ScopeWord,
    /// What will be learned for it, if it has rules by name.
    pub names: Option<Arc<NameTable>>,
}

impl Banks {
    pub(super) fn new(
        outer: MapData,
        template: MapData,
        paths: PathTables,
        names: NameTables,
    ) -> Self {
        Self {
            outer,
            template,
            paths,
            names,
            types: None,
            used: HashMap::new(),
            retired: Vec::new(),
            next_version: 1,
        }
    }

    /// Writes scopes into new banks. Nothing points to them yet; the scopes that are not put in
    /// force must be given to [`release`](Self::release).
    pub(super) fn place(&mut self, scopes: &[(u32, &Compiled)]) -> Result<Vec<Placed>, BankError> {
        let mut placed = Vec::with_capacity(scopes.len());
        let mut rest = scopes;
        while !rest.is_empty() {
            let (here, later) = rest.split_at(fitting(rest));
            match self.place_one(here) {
                Ok(mut some) => placed.append(&mut some),
                Err(error) => {
                    self.release(placed.iter().map(|it: &Placed| it.word));
                    return Err(error);
                }
            }
            rest = later;
        }
        Ok(placed)
    }

    fn place_one(&mut self, scopes: &[(u32, &Compiled)]) -> Result<Vec<Placed>, BankError> {
        let bank = self.free_bank()?;
        let rows: usize = scopes.iter().map(|(_, it)| it.rows().len()).sum();
        // The last rows, which stay zero, are what the search of the last section may look at, and
        // not take.
        let count = u32::try_from(rows + MAX_SECTION_ROWS as usize).map_err(|_| BankError::Full)?;
        let inner = self.create(count).map_err(BankError::Create)?;
        let mut placed = Vec::with_capacity(scopes.len());
        if let Err(error) = self.fill(bank, inner.as_fd(), scopes, &mut placed) {
            for scope in &placed {
                self.paths.retire(scope.word.version());
                self.names.retire(scope.word.version());
            }
            self.paths.free_retired();
            self.names.free_retired();
            return Err(error);
        }
        sys::set_inner_map(self.outer.fd().as_fd(), bank, inner.as_fd())
            .map_err(BankError::Publish)?;
        // The kernel has just waited for the programs that could read what was retired before.
        self.free_retired();
        self.used
            .insert(bank, u32::try_from(placed.len()).unwrap_or(u32::MAX));
        Ok(placed)
    }

    /// Writes scopes one behind another, and notes those that have begun to be.
    fn fill(
        &mut self,
        bank: u32,
        inner: BorrowedFd<'_>,
        scopes: &[(u32, &Compiled)],
        placed: &mut Vec<Placed>,
    ) -> Result<(), BankError> {
        let mut first = 0;
        for (agent, compiled) in scopes {
            let version = self.next_version;
            // 0 is no version: a word of zeros is no scope.
            self.next_version = version.checked_add(1).unwrap_or(1);
            let mut word = ScopeWord::new(version, bank, first);
            let mut scope = Compiled::clone(compiled);
            scope.set_version(version);
            if let Some(rules) = compiled.paths() {
                scope.set_paths(Some(self.paths.place(version, rules)?));
                word = if compiled.confines_files() {
                    word.confining_files()
                } else {
                    word.confining_sockets()
                };
            }
            let mut names = None;
            if compiled.has_names() {
                let (index, table) = self.names.place(version).map_err(|error| {
                    self.paths.retire(version);
                    BankError::Names(error)
                })?;
                scope.set_names(Some(index));
                names = Some(table);
            }
            placed.push(Placed {
                agent: *agent,
                word,
                names,
            });
            sys::fill_array(inner, first, scope.rows()).map_err(BankError::Write)?;
            first += u32::try_from(scope.rows().len()).map_err(|_| BankError::Full)?;
        }
        Ok(())
    }

    /// Makes a bank that is not published yet.
    fn create(&mut self, rows: u32) -> io::Result<OwnedFd> {
        let template = self.template.fd().as_fd();
        let types = match self.types.take() {
            Some(types) => types,
            None => BankTypes::load(template)?,
        };
        let types = self.types.insert(types);
        sys::create_like(template, types, rows)
    }

    fn free_bank(&mut self) -> Result<u32, BankError> {
        (0..MAX_BANKS)
            .find(|bank| !self.used.contains_key(bank) && !self.retired.contains(bank))
            .ok_or(BankError::Full)
    }

    /// What was learned for the scope of a word, if it has rules by name.
    pub(super) fn names(&self, word: ScopeWord) -> Option<Arc<NameTable>> {
        self.names.get(word.version())
    }

    /// Lets go of scopes that no agent's word points to any more.
    pub(super) fn release(&mut self, words: impl Iterator<Item = ScopeWord>) {
        for word in words.filter(|word| *word != ScopeWord::NONE) {
            self.paths.retire(word.version());
            self.names.retire(word.version());
            let bank = word.bank();
            if let Some(agents) = self.used.get_mut(&bank) {
                *agents -= 1;
                if *agents == 0 {
                    self.used.remove(&bank);
                    self.retired.push(bank);
                }
            }
        }
        if self.retired.is_empty() && !self.paths.has_retired() && !self.names.has_retired() {
            return;
        }
        // A program that began before the words changed may be reading still. If the kernel cannot
        // wait for it, the banks are kept until the next time.
        if let Err(error) = sys::wait_for_programs() {
            tracing::debug!("membarrier: {error}");
            return;
        }
        self.free_retired();
    }

    fn free_retired(&mut self) {
        self.paths.free_retired();
        self.names.free_retired();
        let outer = self.outer.fd().as_fd();
        self.retired.retain(|bank| {
            sys::clear_inner_map(outer, *bank)
                .inspect_err(|error| tracing::warn!("cannot free bank {bank}: {error}"))
                .is_err()
        });
    }
}

/// How many of the scopes fit into one bank.
fn fitting(scopes: &[(u32, &Compiled)]) -> usize {
    let mut rows = 0;
    let count = scopes
        .iter()
        .take_while(|(_, compiled)| {
            rows += compiled.rows().len();
            rows + MAX_SECTION_ROWS as usize <= MAX_BANK_ROWS as usize
        })
        .count();
    // A single scope is far smaller than a bank.
    count.max(1)
}
