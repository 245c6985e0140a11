//! The BPF programs that the kernel holds.

use std::{collections::BTreeSet, fs, io};

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

/// The ids of those that a living process holds, directly or by a link.
pub fn held() -> BTreeSet<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return BTreeSet::new();
    };
    processes
        .filter_map(Result::ok)
        .filter_map(|process| fs::read_dir(process.path().join("fdinfo")).ok())
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|info| fs::read_to_string(info.path()).ok())
        .filter_map(|text| {
            let id = text
                .lines()
                .find_map(|line| line.strip_prefix("prog_id:"))?;
            id.trim().parse().ok()
        })
        .collect()
}
