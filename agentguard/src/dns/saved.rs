//! What an agent has learned, over a restart of the daemon: a client that holds an address does not ask again.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Config, KnownName, LearnError, clock, name};

/// Bytes of a file. The names of one agent take less.
const MAX_FILE: u64 = 64 << 20;

const VERSION: u32 = 1;

/// Why nothing could be taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    /// It is not what the daemon has written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It holds more than there is room for.
    #[error("it holds more names or addresses than there is room for")]
    Full,
    /// The table cannot be written.
    #[error(transparent)]
    Learn(LearnError),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    /// Times are of `CLOCK_BOOTTIME`, and mean nothing after another boot.
    boot: String,
    names: Vec<SavedName>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SavedName {
    name: String,
    expires_ns: u64,
    addresses: Vec<(IpAddr, u64)>,
}

/// Changes with every boot (`random(4)`).
fn boot() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

/// Writes a file in one step: whoever reads it finds the old or the new one, whole.
pub(super) fn write(path: &Path, names: &[KnownName]) -> io::Result<()> {
    let saved = Saved {
        version: VERSION,
        boot: boot()?,
        names: names
            .iter()
            .map(|known| SavedName {
                name: known.name.as_ref().to_owned(),
                expires_ns: known.expires_ns,
                addresses: known
                    .addresses
                    .iter()
                    .map(|(address, end)| (name::ip_of(*address), *end))
                    .collect(),
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec(&saved)?;
    bytes.push(b'\n');
    let new = path.with_added_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&bytes)?;
    fs::rename(&new, path)
}

/// Reads what was written since this boot; nothing, if there is no file, or one from another boot.
pub(super) fn read(
    path: &Path,
    config: &Config,
    now_ns: u64,
) -> Result<Vec<KnownName>, RestoreError> {
    let mut file = match OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let saved: Saved =
        serde_json::from_slice(&contents(&mut file)?).map_err(|error| damaged(&error))?;
    if saved.version != VERSION {
        return Err(damaged(&format!("version {}", saved.version)));
    }
    if saved.boot != boot()? {
        return Ok(Vec::new());
    }
    let latest_ns = clock::after(now_ns, config.cap.max(config.floor) + config.grace);
    let is_over = |end_ns: u64| clock::after(end_ns, config.linger) <= now_ns;
    let mut names = Vec::new();
    for mut saved in saved.names {
        if !name::is_plain(&saved.name) {
            return Err(damaged(&"a name that cannot be one"));
        }
        if saved.expires_ns > latest_ns || saved.addresses.iter().any(|(_, end)| *end > latest_ns) {
            return Err(damaged(&"a time that is too late"));
        }
        saved.addresses.retain(|(_, end)| !is_over(*end));
        if saved.addresses.is_empty() {
            continue;
        }
        names.push(KnownName {
            name: saved.name.into(),
            expires_ns: saved.expires_ns,
            addresses: saved
                .addresses
                .into_iter()
                .map(|(address, end)| (name::address_of(address).destination(), end))
                .collect(),
            has_rules: false,
        });
    }
    Ok(names)
}

fn contents(file: &mut File) -> Result<Vec<u8>, RestoreError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(damaged(&"not a file of the daemon's"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn damaged(what: &dyn ToString) -> RestoreError {
    RestoreError::Damaged(what.to_string())
}
