//! Code for the kernel, in forms that it does not take: what counts is which error comes first.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
};

use super::super::{Report, Step, Technique, arguments::Arguments};
use crate::{error::Error, sys};

pub(in super::super) const TECHNIQUES: &[Technique] =
    &[("bpf", bpf), ("module", module), ("kexec", kexec)];

/// Of `union bpf_attr`, as long as every kernel knows it.
const ATTRIBUTES: usize = 64;
/// More segments than there can be (linux/kexec.h).
const SEGMENTS: i64 = 17;
/// `KEXEC_FILE_NO_INITRAMFS` of linux/kexec.h.
const KEXEC_FILE_NO_INITRAMFS: i64 = 4;

/// `BPF_PROG_LOAD` of linux/bpf.h, and where in its attributes the license is.
const BPF_PROG_LOAD: i64 = 5;
const LICENSE: usize = 16;

/// `bpf COMMAND`: with attributes that are all zero.
fn bpf(report: &mut Report, arguments: &Arguments) -> Step {
    let mut attributes = [0_u8; ATTRIBUTES];
    let command = arguments.parse(0)?;
    if command == BPF_PROG_LOAD {
        // Without a license the kernel does not look at the rest.
        let license = c"none".as_ptr() as u64;
        attributes[LICENSE..LICENSE + 8].copy_from_slice(&license.to_ne_bytes());
    }
    let (pointer, len) = (attributes.as_mut_ptr() as i64, 64);
    // SAFETY: the attributes are valid for the length that is given.
    let answer = match unsafe { sys::call(libc::SYS_bpf, [command, pointer, len, 0, 0]) } {
        // There is none to be listed.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(0),
        other => other,
    };
    report.step("bpf", answer)?;
    report.fact("effect", "answered");
    Ok(())
}

/// `module HOW PATH`: from memory or from a file, which is no module.
fn module(report: &mut Report, arguments: &Arguments) -> Step {
    let answer = match arguments.text(0)? {
        "memory" => {
            let image = [0_u8; 4096];
            let arguments = [image.as_ptr() as i64, 4096, c"".as_ptr() as i64, 0, 0];
            // SAFETY: image and text are valid, the text ends with a zero byte.
            unsafe { sys::call(libc::SYS_init_module, arguments) }
        }
        "file" => {
            let file = File::open(arguments.text(1)?)?;
            let arguments = [descriptor(&file), c"".as_ptr() as i64, 0, 0, 0];
            // SAFETY: the text ends with a zero byte.
            unsafe { sys::call(libc::SYS_finit_module, arguments) }
        }
        other => return Err(Error::Failed(format!("probe: no module of {other}")).into()),
    };
    report.step("load", answer).map(drop)
}

/// `kexec HOW PATH`: more segments than there can be, or a file that is no kernel.
fn kexec(report: &mut Report, arguments: &Arguments) -> Step {
    let answer = match arguments.text(0)? {
        // SAFETY: nothing is read of so many segments.
        "memory" => unsafe { sys::call(libc::SYS_kexec_load, [0, SEGMENTS, 0, 0, 0]) },
        "file" => file(&File::open(arguments.text(1)?)?),
        other => return Err(Error::Failed(format!("probe: no kexec of {other}")).into()),
    };
    report.step("load", answer).map(drop)
}

fn file(kernel: &File) -> io::Result<i64> {
    let arguments = [
        descriptor(kernel),
        -1,
        1,
        c"".as_ptr() as i64,
        KEXEC_FILE_NO_INITRAMFS,
    ];
    // SAFETY: the command line is one zero byte long, as is said.
    unsafe { sys::call(libc::SYS_kexec_file_load, arguments) }
}

fn descriptor(file: &File) -> i64 {
    let fd: RawFd = file.as_raw_fd();
    fd.into()
}
