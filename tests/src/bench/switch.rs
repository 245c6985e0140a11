//! Attaches the daemon's programs, and detaches them, between two measurements.
//!
//! To start a daemon takes a second, in which a machine changes its mind about its speed. So the
//! daemon loads the programs, fills their tables and tags the agents; then it is killed, and its
//! programs, which are held here, are attached where it had attached them, again and again.

use std::{
    collections::HashMap,
    ffi::CStr,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use crate::{
    ensure,
    error::{Context, Outcome, failed},
    host::cgroup,
};

/// `BPF_PROG_GET_FD_BY_ID` of linux/bpf.h.
const PROG_GET_FD_BY_ID: libc::c_long = 13;
/// `BPF_PROG_LOAD` of linux/bpf.h.
const PROG_LOAD: libc::c_long = 5;
/// `BPF_LINK_CREATE` of linux/bpf.h.
const LINK_CREATE: libc::c_long = 28;
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
                program: program_by_id(u32::try_from(program).map_err(io::Error::other)?)?,
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
            self.links
                .push(attach(place, program).context("attach a program")?);
        }
        Ok(())
    }
}

fn program_by_id(id: u32) -> Outcome<OwnedFd> {
    // The members of `union bpf_attr` that the command uses: id, next id, flags.
    bpf(PROG_GET_FD_BY_ID, [id, 0, 0]).context("take a program")
}

/// A program of two instructions: `r0 = 1; exit`.
fn empty_program(program_type: u32, attach_type: u32) -> io::Result<OwnedFd> {
    const CODE: [u64; 2] = [0x1_0000_00b7, 0x95];
    const LICENSE: &CStr = c"MIT";
    let (code_low, code_high) = halves(CODE.as_ptr().cast());
    let (license_low, license_high) = halves(LICENSE.as_ptr().cast());
    // The members of `union bpf_attr` up to `expected_attach_type`: type, number of instructions,
    // their address, the licence's address, log level, size and address, kernel version, flags,
    // name, interface.
    let mut attributes = [0; 18];
    attributes[0] = program_type;
    attributes[1] = 2;
    [attributes[2], attributes[3]] = [code_low, code_high];
    [attributes[4], attributes[5]] = [license_low, license_high];
    attributes[17] = attach_type;
    bpf(PROG_LOAD, attributes)
}

/// An address as two members of `union bpf_attr`.
#[expect(clippy::cast_possible_truncation, reason = "these are the halves")]
fn halves(pointer: *const u8) -> (u32, u32) {
    let address = pointer.expose_provenance() as u64;
    if cfg!(target_endian = "little") {
        (address as u32, (address >> 32) as u32)
    } else {
        ((address >> 32) as u32, address as u32)
    }
}

fn attach(place: &Place, program: &OwnedFd) -> io::Result<OwnedFd> {
    let number = |fd: &dyn AsRawFd| fd.as_raw_fd().cast_unsigned();
    // The members of `union bpf_attr` that the command uses: program, target, attach type, flags.
    bpf(
        LINK_CREATE,
        [number(program), number(&place.cgroup), place.kind, 0],
    )
}

/// `bpf(2)`, for commands that answer a descriptor.
fn bpf<const N: usize>(command: libc::c_long, mut attributes: [u32; N]) -> io::Result<OwnedFd> {
    // SAFETY: the attributes are valid for their length, which is passed along.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attributes.as_mut_ptr(),
            size_of::<[u32; N]>(),
        )
    };
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    crate::sys::check(fd)?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
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
