//! Maps that are alike, in an array of maps.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use aya::{
    Ebpf,
    maps::{Map, MapData},
};

use super::{bank_types::BankTypes, load_error::LoadError, sys};

/// An array of maps, and what its maps are made like.
pub(super) struct Family {
    outer: MapData,
    template: MapData,
    types: Mutex<Option<BankTypes>>,
}

impl Family {
    /// Takes it out of a loaded object, with a map to make others like.
    pub(super) fn take(
        ebpf: &mut Ebpf,
        outer: &'static str,
        template: &'static str,
    ) -> Result<Self, LoadError> {
        let Some(Map::ArrayOfMaps(maps)) = ebpf.take_map(outer) else {
            return Err(LoadError::Absent(outer));
        };
        let Some(Map::Array(like) | Map::HashMap(like)) = ebpf.take_map(template) else {
            return Err(LoadError::Absent(template));
        };
        Ok(Self {
            outer: maps,
            template: like,
            types: Mutex::new(None),
        })
    }

    /// Puts a new map with these values at an index.
    pub(super) fn set<T: aya::Pod>(&self, index: u32, values: &[T]) -> io::Result<()> {
        let count = u32::try_from(values.len()).map_err(io::Error::other)?;
        let inner = self.create(count)?;
        sys::fill_array(inner.as_fd(), 0, values)?;
        self.put(index, &inner)
    }

    /// Puts a map of [`create`](Self::create) at an index.
    pub(super) fn put(&self, index: u32, inner: &OwnedFd) -> io::Result<()> {
        sys::set_inner_map(self.outer.fd().as_fd(), index, inner.as_fd())
    }

    /// Makes a map with room for so many entries.
    pub(super) fn create(&self, entries: u32) -> io::Result<OwnedFd> {
        let template = self.template.fd().as_fd();
        let mut known = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        let types = match known.take() {
            Some(types) => types,
            None => BankTypes::load(template)?,
        };
        sys::create_like(template, known.insert(types), entries)
    }

    /// Takes the map at an index away.
    pub(super) fn clear(&self, index: u32) -> io::Result<()> {
        match sys::clear_inner_map(self.outer.fd().as_fd(), index) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            result => result,
        }
    }
}
