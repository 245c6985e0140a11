//! The network programs on the cgroups that they guard.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    os::unix::fs::MetadataExt,
};

use aya::{
    Ebpf,
    programs::{
        CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSock, CgroupSockAddr, ProgramError,
        cgroup_skb::CgroupSkbLink, cgroup_sock::CgroupSockLink,
        cgroup_sock_addr::CgroupSockAddrLink,
    },
};

use super::{
    cgroup2::Cgroup2,
    load_error::LoadError,
    object::{ANSWER_PROGRAMS, EGRESS_PROGRAM, SOCK_ADDR_PROGRAMS, SOCK_PROGRAM, program},
};

/// Why the programs could not be attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The cgroup cannot be opened.
    #[error("cannot open the cgroup {cgroup}: {source}")]
    Open {
        /// Its path.
        cgroup: String,
        /// Why.
        source: io::Error,
    },
    /// A program cannot be attached.
    #[error("cannot attach `{name}` to the cgroup {cgroup}: {source}")]
    Attach {
        /// The program.
        name: &'static str,
        /// The cgroup's path.
        cgroup: String,
        /// Why.
        source: Box<ProgramError>,
    },
    /// A program is missing.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The links of one cgroup. Dropping them detaches the programs.
#[expect(dead_code, reason = "the links are held, not used")]
struct Attached {
    /// The cgroup's id: a cgroup that was removed and made again is another.
    id: u64,
    addresses: Vec<CgroupSockAddrLink>,
    sockets: CgroupSockLink,
    packets: CgroupSkbLink,
    /// Those for rules by name, if any scope has some.
    answers: Vec<CgroupSockAddrLink>,
}

/// The cgroups that the programs are attached to, by path.
#[derive(Default)]
pub struct AttachPoints(BTreeMap<String, Attached>);

impl AttachPoints {
    /// Their paths.
    pub fn paths(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Attaches the programs to the wanted cgroups, then detaches them from all others: nothing is
    /// unguarded in between. On an error nothing is detached. If a scope `has_names`, the programs that
    /// its rules by name need [must be loaded](super::object::Loaded::attach_name_hooks).
    pub fn update(
        &mut self,
        ebpf: &mut Ebpf,
        cgroups: &Cgroup2,
        wanted: &BTreeSet<String>,
        has_names: bool,
    ) -> Result<(), AttachError> {
        let mut fresh = BTreeMap::new();
        for path in wanted {
            let directory = open(cgroups, path)?;
            let id = identify(&directory, path)?;
            if self.0.get(path).is_none_or(|attached| attached.id != id) {
                fresh.insert(path.clone(), attach(ebpf, &directory, path, id)?);
            }
        }
        self.0.extend(fresh);
        for (path, attached) in &mut self.0 {
            if has_names && attached.answers.is_empty() && wanted.contains(path) {
                let directory = open(cgroups, path)?;
                attached.answers = attach_all(ebpf, &directory, path, &ANSWER_PROGRAMS)?;
            }
        }
        self.0.retain(|path, _| wanted.contains(path));
        if !has_names {
            for attached in self.0.values_mut() {
                attached.answers.clear();
            }
        }
        Ok(())
    }

    /// Those whose cgroup is gone, or was made again: their programs are gone with it.
    pub fn lost(&self, cgroups: &Cgroup2) -> Vec<String> {
        self.0
            .iter()
            .filter(|(path, attached)| {
                std::fs::metadata(cgroups.directory(path))
                    .map_or(true, |metadata| metadata.ino() != attached.id)
            })
            .map(|(path, _)| path.clone())
            .collect()
    }
}

fn open(cgroups: &Cgroup2, path: &str) -> Result<File, AttachError> {
    File::open(cgroups.directory(path)).map_err(|source| AttachError::Open {
        cgroup: path.to_owned(),
        source,
    })
}

fn identify(directory: &File, path: &str) -> Result<u64, AttachError> {
    let metadata = directory.metadata().map_err(|source| AttachError::Open {
        cgroup: path.to_owned(),
        source,
    })?;
    Ok(metadata.ino())
}

/// aya attaches by links, which the kernel always treats as "multi": programs that others attached run
/// too.
const MODE: CgroupAttachMode = CgroupAttachMode::Single;

fn failed(name: &'static str, path: &str) -> impl FnOnce(ProgramError) -> AttachError {
    move |source| AttachError::Attach {
        name,
        cgroup: path.to_owned(),
        source: Box::new(source),
    }
}

/// Attaches programs on addresses.
fn attach_all(
    ebpf: &mut Ebpf,
    directory: &File,
    path: &str,
    names: &[&'static str],
) -> Result<Vec<CgroupSockAddrLink>, AttachError> {
    let mut links = Vec::with_capacity(names.len());
    for name in names {
        let program: &mut CgroupSockAddr = program(ebpf, name)?;
        let link = program
            .attach(directory, MODE)
            .and_then(|link| program.take_link(link))
            .map_err(failed(name, path))?;
        links.push(link);
    }
    Ok(links)
}

/// Attaches every program. What is attached already is detached again on an error, as the links
/// are dropped.
fn attach(ebpf: &mut Ebpf, directory: &File, path: &str, id: u64) -> Result<Attached, AttachError> {
    let packets: &mut CgroupSkb = program(ebpf, EGRESS_PROGRAM)?;
    let packets = packets
        .attach(directory, CgroupSkbAttachType::Egress, MODE)
        .and_then(|link| packets.take_link(link))
        .map_err(failed(EGRESS_PROGRAM, path))?;
    let sockets: &mut CgroupSock = program(ebpf, SOCK_PROGRAM)?;
    let sockets = sockets
        .attach(directory, MODE)
        .and_then(|link| sockets.take_link(link))
        .map_err(failed(SOCK_PROGRAM, path))?;
    Ok(Attached {
        id,
        addresses: attach_all(ebpf, directory, path, &SOCK_ADDR_PROGRAMS)?,
        answers: Vec::new(),
        sockets,
        packets,
    })
}
