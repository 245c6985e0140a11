//! Whether the programs see what is there: they look at the daemon and at one of its files, and what they find is
//! compared with what system calls and `/proc` say.
//!
//! Offsets come from the kernel's own description of its types. If that were wrong, every decision could be.

use std::{
    ffi::CStr,
    fmt::Display,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::MetadataExt,
    },
};

use agentguard_common::{
    mounts::kind,
    self_test::{NAME, SelfTest},
};
use aya::{
    Ebpf,
    maps::{Array, MapError},
    programs::{Iter, ProgramError},
};
use nix::unistd::getuid;

use super::{cgroup2, hooks::SELF_TEST_PROGRAM, sys};
use crate::identity::instance;

/// Why the programs cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// They read something else than what is there.
    #[error(
        "agentguard's programs read {what} as {seen}, and it is {expected}: this kernel's types are not what it says they are; boot another kernel, and report this"
    )]
    Differs {
        /// What was read.
        what: &'static str,
        /// As the programs see it.
        seen: String,
        /// As it is.
        expected: String,
    },
    /// They saw nothing.
    #[error("agentguard's programs were not shown its own file by the kernel; report this")]
    Nothing,
    /// What is to be compared could not be had.
    #[error("cannot compare what agentguard's programs see: {0}")]
    Io(#[from] io::Error),
    /// The map could not be used.
    #[error("cannot compare what agentguard's programs see: {0}")]
    Map(#[from] MapError),
    /// The program could not be used.
    #[error("cannot compare what agentguard's programs see: {0}")]
    Program(#[from] ProgramError),
    /// The object lacks the program or the map.
    #[error("the eBPF object has no self-test: it does not belong to this binary")]
    Absent,
}

/// Has the programs look, and compares.
pub(super) fn run(ebpf: &mut Ebpf) -> Result<(), SelfTestError> {
    // Three names deep in a file system of its own, and a file that only this process has.
    let file = File::open("/proc/self/status")?;
    let seen = look(ebpf, &file)?;
    compare_task(&seen)?;
    compare_file(&seen, &file)
}

fn look(ebpf: &mut Ebpf, file: &File) -> Result<SelfTest, SelfTestError> {
    let map = ebpf.map_mut("SELF_TEST").ok_or(SelfTestError::Absent)?;
    let mut map: Array<_, SelfTest> = map.try_into()?;
    let mut asked = map.get(&0, 0)?;
    asked.descriptor = file.as_raw_fd().cast_unsigned();
    map.set(0, asked, 0)?;
    let program: &Iter = ebpf
        .program(SELF_TEST_PROGRAM)
        .ok_or(SelfTestError::Absent)?
        .try_into()?;
    let program = program.fd()?;
    sys::iterate_over(program.as_fd(), std::process::id())?;
    let map = ebpf.map("SELF_TEST").ok_or(SelfTestError::Absent)?;
    let seen = Array::<_, SelfTest>::try_from(map)?.get(&0, 0)?;
    if seen.seen == 0 {
        return Err(SelfTestError::Nothing);
    }
    Ok(seen)
}

fn compare_task(seen: &SelfTest) -> Result<(), SelfTestError> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Field 22, of which 2 are the name, which may hold anything, and before it.
    let started: u64 = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/self/stat is cut"))?;
    // In hundredths of a second (`USER_HZ`).
    same("a start time", seen.started_ns / 10_000_000, started)?;
    if is_initial("pid", 0xefff_fffc)? {
        same("a process id", seen.pid, std::process::id())?;
        same("a thread id", seen.tid, std::process::id())?;
    }
    if is_initial("user", 0xefff_fffd)? {
        same("a user id", seen.uid, getuid().as_raw())?;
    }
    let comm = fs::read_to_string("/proc/self/comm")?;
    same("a thread's name", text(&seen.comm), comm.trim_end())?;

    let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let path = instance::cgroup_of(pid)?;
    let cgroups = cgroup2::find().map_err(io::Error::other)?;
    let directory = cgroups.directory(&path);
    let id = fs::metadata(&directory)?.ino();
    same("a cgroup's id", seen.cgroup, id)?;
    same("a cgroup's id", seen.typed_cgroup, id)?;
    same("a cgroup's hierarchy", seen.is_v2, 1)?;
    if let (Some(parent), Some(name)) = (directory.parent(), directory.file_name())
        && path != "/"
    {
        let parent = fs::metadata(parent)?.ino();
        same("the id of the cgroup above", seen.parent_cgroup, parent)?;
        let name: String = name.to_string_lossy().chars().take(NAME - 1).collect();
        same("a cgroup's name", text(&seen.cgroup_name), &name)?;
    }
    Ok(())
}

fn compare_file(seen: &SelfTest, file: &File) -> Result<(), SelfTestError> {
    let is = file.metadata()?;
    same("an inode's number", seen.inode, is.ino())?;
    same("an inode's mode", seen.mode, is.mode())?;
    let (major, minor) = (libc::major(is.dev()), libc::minor(is.dev()));
    same("a device's number", seen.device, major << 20 | minor)?;
    same("a file system's type", seen.kind, kind(b"proc"))?;
    same(
        "a file system's number",
        seen.magic,
        libc::PROC_SUPER_MAGIC.cast_unsigned(),
    )?;
    same("a file's name", text(&seen.name), "status")?;
    same("the length of a name", seen.length, 6)?;
    let link = fs::read_link("/proc/self")?;
    same(
        "a directory's name",
        text(&seen.directory),
        &link.to_string_lossy(),
    )?;
    let byte = |name: &[u8], index| name.get(index).copied().unwrap_or(0);
    let beginning = |name: &[u8]| u16::from_ne_bytes([byte(name, 0), byte(name, 1)]);
    same(
        "how a file's name begins",
        seen.beginning,
        beginning(b"status"),
    )?;
    same(
        "how a directory's name begins",
        seen.directory_beginning,
        beginning(link.as_os_str().as_encoded_bytes()),
    )?;
    same("how deep a file is", seen.depth, 2)?;
    same("a superblock's root", seen.is_rooted, 1)?;
    let access = seen.flags.cast_signed() & libc::O_ACCMODE;
    same("a descriptor's flags", access, libc::O_RDONLY)?;
    same(
        "a user namespace's level",
        seen.is_initial == 1,
        is_initial("user", 0xefff_fffd)?,
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the calls read like what they say"
)]
fn same<T: PartialEq + Display>(
    what: &'static str,
    seen: T,
    expected: T,
) -> Result<(), SelfTestError> {
    if seen == expected {
        return Ok(());
    }
    Err(SelfTestError::Differs {
        what,
        seen: seen.to_string(),
        expected: expected.to_string(),
    })
}

/// Whether this process is in the first namespace of a kind, whose number is fixed
/// (`include/linux/proc_ns.h`).
fn is_initial(namespace: &str, number: u64) -> io::Result<bool> {
    Ok(fs::metadata(format!("/proc/self/ns/{namespace}"))?.ino() == number)
}

fn text(bytes: &[u8]) -> &str {
    CStr::from_bytes_until_nul(bytes)
        .ok()
        .and_then(|text| text.to_str().ok())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        load_error::LoadError,
        object::{self, Sizes},
        types,
    };

    #[test]
    fn what_differs_is_said() {
        let error = same("a file's name", "shadow", "status").unwrap_err();
        let message = error.to_string();
        for part in [
            "a file's name",
            "shadow",
            "it is status",
            "boot another kernel",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert!(same("a user id", 0, 0).is_ok());
    }

    /// A kernel whose types say that a member is where another is.
    #[test]
    fn a_member_that_is_elsewhere_stops_the_load() {
        let mut types = types::read().unwrap();
        // Of `struct qstr` the hash is before the length.
        types.lsm.as_mut().unwrap().offsets.dentry_length -= 4;
        let sizes = Sizes {
            max_cgroups: 16,
            max_instances: 16,
        };
        let error = object::load(types, sizes, false).err().unwrap();
        let LoadError::SelfTest(SelfTestError::Differs { what, .. }) = error else {
            panic!("{error}");
        };
        assert_eq!(what, "the length of a name");
    }

    #[test]
    fn a_text_ends_with_its_nul() {
        assert_eq!(text(b"abc\0def"), "abc");
        assert_eq!(text(b"abc"), "");
    }
}
