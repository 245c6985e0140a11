//! Files.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString},
    io,
    os::{
        fd::{FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use super::{check, check_len};

/// The longest list of names, and the longest value, that is read.
const MOST: usize = 4096;

/// open(2), in its oldest form where the processor has it.
pub fn open(path: &CStr, flags: i32) -> io::Result<OwnedFd> {
    let mode: libc::c_uint = 0o644;
    // SAFETY: the path ends with a zero byte.
    #[cfg(target_arch = "x86_64")]
    let fd = unsafe { libc::syscall(libc::SYS_open, path.as_ptr(), flags, mode) };
    // SAFETY: as above.
    #[cfg(not(target_arch = "x86_64"))]
    let fd = i64::from(unsafe { libc::open(path.as_ptr(), flags, mode) });
    let fd = check(i32::try_from(fd).map_err(io::Error::other)?)?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// setxattr(2).
pub fn set_extended_attribute(path: &CStr, name: &CStr, value: &[u8]) -> io::Result<()> {
    // SAFETY: both texts end with a zero byte, and the value is valid for its length.
    check(unsafe {
        let (value, len) = (value.as_ptr().cast(), value.len());
        libc::setxattr(path.as_ptr(), name.as_ptr(), value, len, 0)
    })
    .map(drop)
}

/// removexattr(2).
pub fn remove_extended_attribute(path: &CStr, name: &CStr) -> io::Result<()> {
    // SAFETY: both texts end with a zero byte.
    check(unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) }).map(drop)
}

/// The extended attributes of a path, links not followed. Where there can be none, there are none.
pub fn extended_attributes(path: &Path) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut names = vec![0; MOST];
    // SAFETY: the buffer is valid for its length.
    let listed =
        check_len(unsafe { libc::llistxattr(path.as_ptr(), names.as_mut_ptr().cast(), MOST) });
    match listed {
        Ok(len) => names.truncate(len),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    }
    let mut found = BTreeMap::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let name = CStr::from_bytes_with_nul(name).map_err(io::Error::other)?;
        let mut value = vec![0; MOST];
        // SAFETY: the buffer is valid for its length, and both texts end with a zero byte.
        let len = check_len(unsafe {
            libc::lgetxattr(
                path.as_ptr(),
                name.as_ptr(),
                value.as_mut_ptr().cast(),
                MOST,
            )
        })?;
        value.truncate(len);
        found.insert(name.to_bytes().to_vec(), value);
    }
    Ok(found)
}
