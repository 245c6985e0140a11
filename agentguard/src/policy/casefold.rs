//! Directories that take names that differ in case for the same.
//!
//! What a file in one is called depends on who has looked it up first, so no rule can say anything about it.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use nix::sys::statfs::fstatfs;

/// File systems that compare names in their own way everywhere. Others do so as they are mounted (CIFS and ntfs3 with `nocase`,
/// isofs without Rock Ridge) or made (JFS), which cannot be asked of a directory: the kernel knows, this does not.
const ALL_DIRECTORIES: [libc::c_long; 8] = [
    0xadf5,      // adfs
    0xadff,      // affs
    0x2011_bab0, // exfat
    0xde5e_81e4, // efivarfs
    0x4244,      // hfs
    0x482b,      // hfsplus
    0xf995_e849, // hpfs
    0x4d44,      // msdos, vfat
];

/// Whether a directory is one.
pub(super) fn ignores_case(directory: &Path) -> io::Result<bool> {
    /// `FS_CASEFOLD_FL` of `include/uapi/linux/fs.h` (Linux 5.2).
    const CASEFOLD: libc::c_int = 0x4000_0000;
    let directory = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(directory)?;
    if ALL_DIRECTORIES.contains(&fstatfs(&directory)?.filesystem_type().0) {
        return Ok(true);
    }
    let mut flags: libc::c_int = 0;
    // SAFETY: the kernel writes an `int` there, whatever the number of the call says (`ioctl_getflags` in `fs/ioctl.c`).
    let result =
        unsafe { libc::ioctl(directory.as_raw_fd(), libc::FS_IOC_GETFLAGS, &raw mut flags) };
    if result == 0 {
        return Ok(flags & CASEFOLD != 0);
    }
    let error = io::Error::last_os_error();
    // Of file systems that know no such flags.
    match error.raw_os_error() {
        Some(libc::ENOTTY | libc::EOPNOTSUPP | libc::EINVAL) => Ok(false),
        _ => Err(error),
    }
}
