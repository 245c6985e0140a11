//! Attaches the daemon's programs, and detaches them, between two measurements.
//!
//! To start a daemon takes a second, in which a machine changes its mind about its speed. So the
//! daemon loads the programs, fills their tables and tags the agents; then it is killed, and its
//! programs, which are held here, are attached where it had attached them, again and again.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use crate::{
    ensure,
    error::{Context, Outcome, failed},
    host::cgroup,
    sys::bpf,
};

/// `enum bpf_attach_type` and `enum bpf_prog_type` of linux/bpf.h, as far as the daemon uses them.
const KINDS: [(&str, u32, u32); 8] = [
    ("egress", 1, CGROUP_SKB),
    ("sock_create", 2, CGROUP_SOCK),
    ("bind4", 8, CGROUP_SOCK_ADDR),
    ("bind6", 9, CGROUP_SOCK_ADDR),
    ("connect4", 10, CGROUP_SOCK_ADDR),
    ("connect6", 11, CGROUP_SOCK_ADDR),
    ("sendmsg4", 14, CGROUP_SOCK_ADDR),
    ("sendmsg6", 15, CGROUP_SOCK_ADDR),
];
const CGROUP_SKB: u32 = 8;
const CGROUP_SOCK: u32 = 9;
const CGROUP_SOCK_ADDR: u32 = 18;

/// Which programs are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Programs {
    /// None.
    None,
    /// The daemon's.
    Ours,
    /// As many that permit everything and do nothing: what the kernel takes to call programs.
    Empty,
}

/// One program at one cgroup.
#[derive(Debug)]
struct Place {
    program: OwnedFd,
    empty: OwnedFd,
    cgroup: File,
    kind: u32,
}

/// The programs of a daemon, on or off.
#[derive(Debug)]
pub(super) struct Switch {
    places: Vec<Place>,
    links: Vec<OwnedFd>,
    attached: Programs,
}

impl Switch {
    /// Takes the programs that a process has attached to cgroups; `only` names some of them, or
    /// none for all. They stay attached by that process, too, until it ends.
    pub(super) fn take(pid: u32, only: &[String]) -> Outcome<Self> {
        for name in only {
            let known = KINDS.map(|(kind, ..)| kind);
            ensure!(
                known.contains(&name.as_str()),
                "--only {name}: none of {known:?}"
            );
        }
        let cgroups = directories(&cgroup::mount_point()?);
        let mut places = Vec::new();
        for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).context("list the links")? {
            let text = fs::read_to_string(entry?.path()).context("read a link")?;
            let number = |field: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(field));
                line.and_then(|value| value.trim_start_matches(':').trim().parse::<u64>().ok())
            };
            let (Some(program), Some(cgroup), Some(kind)) = (
                number("prog_id"),
                number("cgroup_id"),
                number("attach_type"),
            ) else {
                continue;
            };
            let kind = u32::try_from(kind).map_err(io::Error::other)?;
            let Some((name, _, program_type)) = KINDS.iter().find(|(_, number, _)| *number == kind)
            else {
                return failed(format!("attach type {kind} is unknown here"));
            };
            if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
                continue;
            }
            let Some(directory) = cgroups.get(&cgroup) else {
                return failed(format!("no cgroup has the id {cgroup}"));
            };
            places.push(Place {
                program: bpf::program(u32::try_from(program).map_err(io::Error::other)?)
                    .context("take a program")?,
                empty: empty_program(*program_type, kind).context("load an empty program")?,
                cgroup: File::open(directory).context("open a cgroup")?,
                kind,
            });
        }
        ensure!(!places.is_empty(), "the daemon has attached nothing");
        Ok(Self {
            places,
            links: Vec::new(),
            attached: Programs::None,
        })
    }

    /// Attaches these programs, and no others.
    pub(super) fn set(&mut self, programs: Programs) -> Outcome {
        if self.attached == programs {
            return Ok(());
        }
        self.links.clear();
        self.attached = programs;
        if programs == Programs::None {
            return Ok(());
        }
        for place in &self.places {
            let program = match programs {
                Programs::Empty => &place.empty,
                _ => &place.program,
            };
            let link = bpf::attach(
                program.as_fd(),
                place.cgroup.as_raw_fd().cast_unsigned(),
                place.kind,
            );
            self.links.push(link.context("attach a program")?);
        }
        Ok(())
    }
}

/// A program of two instructions: `r0 = 1; exit`.
fn empty_program(program_type: u32, attach_type: u32) -> io::Result<OwnedFd> {
    let program = bpf::Program {
        kind: program_type,
        attach_type,
        answer: 1,
        function: 0,
    };
    program.load()
}

/// Every cgroup by its id, which is the number of its directory's inode.
fn directories(root: &Path) -> HashMap<u64, PathBuf> {
    let mut found = HashMap::new();
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        // Cgroups of others come and go meanwhile.
        let Ok(metadata) = fs::metadata(&directory) else {
            continue;
        };
        let entries = fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        rest.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
        found.insert(metadata.ino(), directory);
    }
    found
}
