//! A FAT file system on a loop device.

use std::{
    fs::{self, File, OpenOptions},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

use crate::{
    error::{Context, Error, Outcome},
    sys,
};

/// Bytes of a sector.
const SECTOR: usize = 512;
/// Sectors of the file system.
const SECTORS: u16 = 512;
/// Files that the root directory has room for.
const ROOT_ENTRIES: u16 = 64;

/// Makes one in the file `image` and mounts it. It is gone once it is unmounted. An error of a kernel that has none says
/// that the case is skipped.
pub fn mount_fat(image: &Path, at: &Path) -> Outcome {
    fs::write(image, empty()).context("write an image")?;
    // The device must be open until it is mounted.
    let (device, _file) = attach(image)?;
    let options = "codepage=437,iocharset=ascii";
    let kind = Some("vfat");
    match mount(Some(&device), at, kind, MsFlags::empty(), Some(options)) {
        Err(Errno::ENODEV) => Err(Error::Skipped("this kernel has no vfat".into())),
        mounted => mounted.context("mount a FAT file system"),
    }
}

/// A FAT12 file system without files: Microsoft's "FAT: General Overview of On-Disk Format", 1.03.
fn empty() -> Vec<u8> {
    let mut image = vec![0; usize::from(SECTORS) * SECTOR];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    // A jump, and who made it.
    put(0, b"\xeb\x3c\x90AGTEST  ");
    put(11, &512_u16.to_le_bytes());
    // One sector a cluster, one before the table, one table.
    put(13, &[1]);
    put(14, &1_u16.to_le_bytes());
    put(16, &[1]);
    put(17, &ROOT_ENTRIES.to_le_bytes());
    put(19, &SECTORS.to_le_bytes());
    // A fixed disk.
    put(21, &[0xf8]);
    // Sectors of the table: one and a half bytes a cluster.
    put(22, &2_u16.to_le_bytes());
    put(510, &[0x55, 0xaa]);
    // The first two entries of the table are no clusters'.
    put(SECTOR, &[0xf8, 0xff, 0xff]);
    image
}

/// A loop device of a file, which goes when nobody has it open any more.
fn attach(image: &Path) -> Outcome<(PathBuf, File)> {
    /// `LOOP_CTL_GET_FREE` and `LOOP_CONFIGURE` (Linux 5.8) of `include/uapi/linux/loop.h`.
    const GET_FREE: libc::Ioctl = 0x4c82;
    const CONFIGURE: libc::Ioctl = 0x4c0a;
    /// `LO_FLAGS_AUTOCLEAR`.
    const AUTOCLEAR: u32 = 4;

    /// `struct loop_config`.
    #[repr(C)]
    struct Config {
        file: libc::c_int,
        block: u32,
        /// `struct loop_info64` up to its flags: devices, inode, offset, size, number, encryption.
        info: [u64; 5],
        number: u32,
        encryption: [u32; 2],
        flags: u32,
        /// The rest of it, and what is reserved.
        rest: [u64; 30],
    }
    const _: () = assert!(size_of::<Config>() == 304);

    let control = File::open("/dev/loop-control")
        .map_err(|error| Error::Skipped(format!("no loop devices: {error}")))?;
    // SAFETY: it takes no argument.
    let number = sys::check(unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE) })
        .context("find a loop device")?;
    let path = PathBuf::from(format!("/dev/loop{number}"));
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .context("open a loop device")?;
    let image = OpenOptions::new()
        .read(true)
        .write(true)
        .open(image)
        .context("open the image")?;
    let config = Config {
        file: image.as_raw_fd(),
        block: 512,
        info: [0; 5],
        number: 0,
        encryption: [0; 2],
        flags: AUTOCLEAR,
        rest: [0; 30],
    };
    // SAFETY: the kernel reads a value of that type.
    sys::check(unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, &raw const config) })
        .context("set a loop device up")?;
    Ok((path, device))
}
