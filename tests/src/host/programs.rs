//! The BPF programs that the kernel holds.

use std::{collections::BTreeSet, fs, io, path::Path};

use aya::programs::loaded_programs;

use crate::error::{Context, Outcome};

/// `BPF_PROG_GET_NEXT_ID` of linux/bpf.h.
const BPF_PROG_GET_NEXT_ID: libc::c_long = 11;

/// The part of `union bpf_attr` that this command uses.
#[repr(C)]
struct NextId {
    start: u32,
    next: u32,
    flags: u32,
}

/// The ids of all programs.
pub fn all() -> Outcome<BTreeSet<u32>> {
    let mut ids = BTreeSet::new();
    let mut start = 0;
    loop {
        let mut request = NextId {
            start,
            next: 0,
            flags: 0,
        };
        // SAFETY: the structure is valid for its length, which is passed along.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_PROG_GET_NEXT_ID,
                &raw mut request,
                size_of::<NextId>(),
            )
        };
        if result < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENOENT) => Ok(ids),
                _ => Err(error).context("list the BPF programs"),
            };
        }
        ids.insert(request.next);
        start = request.next;
    }
}

/// A program, and what it took the kernel's verifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verified {
    /// Its name, of which the kernel keeps 15 bytes.
    pub name: String,
    /// Its id.
    pub id: u32,
    /// How many instructions the verifier has followed (Linux 5.16).
    pub instructions: u32,
}

/// All programs, by name.
pub fn verified() -> Outcome<Vec<Verified>> {
    let mut found = Vec::new();
    for program in loaded_programs() {
        let program = program
            .map_err(io::Error::other)
            .context("ask about a BPF program")?;
        found.push(Verified {
            name: program.name_as_str().unwrap_or_default().to_owned(),
            id: program.id(),
            instructions: program.verified_instruction_count().unwrap_or_default(),
        });
    }
    found.sort();
    Ok(found)
}

/// The ids of those that a living process holds, directly or by a link.
pub fn held() -> BTreeSet<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return BTreeSet::new();
    };
    processes
        .filter_map(Result::ok)
        .filter_map(|process| held_at(&process.path()).ok())
        .flatten()
        .collect()
}

/// The ids of those that a process holds.
pub fn held_by(pid: u32) -> io::Result<BTreeSet<u32>> {
    held_at(Path::new(&format!("/proc/{pid}")))
}

fn held_at(process: &Path) -> io::Result<BTreeSet<u32>> {
    Ok(fs::read_dir(process.join("fdinfo"))?
        .filter_map(Result::ok)
        .filter_map(|info| fs::read_to_string(info.path()).ok())
        .filter_map(|text| {
            let id = text
                .lines()
                .find_map(|line| line.strip_prefix("prog_id:"))?;
            id.trim().parse().ok()
        })
        .collect())
}
