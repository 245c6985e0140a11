//! A hash in an array of maps, which has room for little at first.
//!
//! The kernel takes memory for the buckets of a hash when it is made, for as many as it may have entries. A thousand agents
//! would take half a gigabyte for what most of them never learn. So a hash that is full is replaced by a larger one, with
//! the same entries: a program sees one or the other, whole.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aya::maps::{HashMap as KernelMap, Map, MapData, MapError};

use super::{
    family::Family,
    sys::{self, Existing},
};

/// Entries that there is room for at first.
const FIRST: u32 = 64;
/// How much more the next one has room for.
const FACTOR: u32 = 4;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It was not there.
    New,
    /// It was there, and is another.
    Replaced,
    /// There is no room for it.
    Full,
}

/// A hash that grows.
pub(super) struct Growing {
    family: Arc<Family>,
    index: u32,
    /// Entries that it may have at most.
    most: u32,
    now: Mutex<Now>,
}

struct Now {
    map: OwnedFd,
    /// Entries that `map` has room for.
    room: u32,
    /// Whether it is, still, at its index.
    is_placed: bool,
}

impl std::fmt::Debug for Growing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let now = self.now();
        formatter
            .debug_struct("Growing")
            .field("index", &self.index)
            .field("map", &now.map.as_raw_fd())
            .field("room", &now.room)
            .finish_non_exhaustive()
    }
}

impl Growing {
    /// Puts an empty one at an index of an array of maps, for at most so many entries.
    pub(super) fn place(family: &Arc<Family>, index: u32, most: u32) -> io::Result<Self> {
        let room = FIRST.min(most);
        let map = family.create(room)?;
        family.put(index, &map)?;
        Ok(Self {
            family: Arc::clone(family),
            index,
            most,
            now: Mutex::new(Now {
                map,
                room,
                is_placed: true,
            }),
        })
    }

    /// Its index will be another's: from here on it does not grow.
    pub(super) fn leave(&self) {
        self.now().is_placed = false;
    }

    /// Writes an entry.
    pub(super) fn write<K: aya::Pod, V: aya::Pod>(
        &self,
        key: &K,
        value: &V,
    ) -> io::Result<Written> {
        let mut now = self.now();
        loop {
            match write(&now.map, key, value)? {
                Written::Full if self.grow::<K, V>(&mut now)? => {}
                written => return Ok(written),
            }
        }
    }

    /// Removes an entry. `false` if there is none.
    pub(super) fn remove<K: aya::Pod>(&self, key: &K) -> io::Result<bool> {
        sys::remove(self.now().map.as_fd(), key)
    }

    /// Bytes of kernel memory that it takes, as the kernel counts them.
    #[cfg(test)]
    pub(super) fn memory(&self) -> u64 {
        let file = format!("/proc/self/fdinfo/{}", self.now().map.as_raw_fd());
        let text = std::fs::read_to_string(file).unwrap();
        let bytes = text.lines().find_map(|line| line.strip_prefix("memlock:"));
        bytes.unwrap().trim().parse().unwrap()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // What is changed under the lock is changed at once.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces it by one with more room. `false` if it must not have more, or there is no memory for that.
    fn grow<K: aya::Pod, V: aya::Pod>(&self, now: &mut Now) -> io::Result<bool> {
        if !now.is_placed || now.room >= self.most {
            return Ok(false);
        }
        let room = now.room.saturating_mul(FACTOR).min(self.most);
        let map = match self.family.create(room) {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => return Ok(false),
            made => made?,
        };
        if copy::<K, V>(&now.map, &map)? == Written::Full {
            return Ok(false);
        }
        self.family.put(self.index, &map)?;
        (now.map, now.room) = (map, room);
        Ok(true)
    }
}

/// Copies every entry. Nobody writes meanwhile.
fn copy<K: aya::Pod, V: aya::Pod>(from: &OwnedFd, to: &OwnedFd) -> io::Result<Written> {
    let failed = |error: MapError| io::Error::other(error);
    let from = MapData::from_fd(from.try_clone()?).map_err(failed)?;
    let from = KernelMap::<_, K, V>::try_from(Map::HashMap(from)).map_err(failed)?;
    for entry in &from {
        let (key, value) = entry.map_err(failed)?;
        if write(to, &key, &value)? == Written::Full {
            return Ok(Written::Full);
        }
    }
    Ok(Written::New)
}

fn write<K: aya::Pod, V: aya::Pod>(map: &OwnedFd, key: &K, value: &V) -> io::Result<Written> {
    let write = |existing| sys::write(map.as_fd(), key, value, existing);
    match write(Existing::Yes) {
        Ok(()) => return Ok(Written::Replaced),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
        Err(error) => return Err(error),
    }
    match write(Existing::No) {
        Ok(()) => Ok(Written::New),
        Err(error) => match error.raw_os_error() {
            Some(libc::E2BIG | libc::ENOMEM) => Ok(Written::Full),
            _ => Err(error),
        },
    }
}
