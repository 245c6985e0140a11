//! `bpf(2)`: programs that somebody has loaded, programs that do nothing, and where they are attached.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// `BPF_PROG_LOAD` of linux/bpf.h.
const PROG_LOAD: libc::c_long = 5;
/// `BPF_PROG_GET_FD_BY_ID`.
const PROG_GET_FD_BY_ID: libc::c_long = 13;
/// `BPF_LINK_CREATE`.
const LINK_CREATE: libc::c_long = 28;

/// Programs on security hooks must be under one that the kernel shares.
const LICENSE: &CStr = c"Dual MIT/GPL";

/// A program that answers a constant and does nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// `enum bpf_prog_type`.
    pub kind: u32,
    /// `enum bpf_attach_type`.
    pub attach_type: u32,
    /// What it answers.
    pub answer: u32,
    /// The function of the kernel that it is for, by its number in the kernel's BTF; 0 if it is for none.
    pub function: u32,
}

impl Program {
    /// Loads it.
    pub fn load(self) -> io::Result<OwnedFd> {
        // `r0 = answer; exit`
        let code: [u64; 2] = [u64::from(self.answer) << 32 | 0xb7, 0x95];
        let (code_low, code_high) = halves(code.as_ptr().cast());
        let (license_low, license_high) = halves(LICENSE.as_ptr().cast());
        // The members of `union bpf_attr` up to `attach_btf_id`: type, number of instructions, their
        // address, the licence's address, log level, size and address, kernel version, flags, name,
        // interface, attach type, BTF and what it describes, and the function.
        let mut attributes = [0; 28];
        attributes[0] = self.kind;
        attributes[1] = 2;
        [attributes[2], attributes[3]] = [code_low, code_high];
        [attributes[4], attributes[5]] = [license_low, license_high];
        attributes[17] = self.attach_type;
        attributes[27] = self.function;
        bpf(PROG_LOAD, attributes)
    }
}

/// The program of this id.
pub fn program(id: u32) -> io::Result<OwnedFd> {
    // The members of `union bpf_attr` that the command uses: id, next id, flags.
    bpf(PROG_GET_FD_BY_ID, [id, 0, 0])
}

/// Attaches a program to what the number of a descriptor names, or to the function that it is for if that
/// is 0. It stays attached as long as the link is open.
pub fn attach(program: BorrowedFd<'_>, target: u32, attach_type: u32) -> io::Result<OwnedFd> {
    // The members of `union bpf_attr` that the command uses: program, target, attach type, flags.
    let program = program.as_raw_fd().cast_unsigned();
    bpf(LINK_CREATE, [program, target, attach_type, 0])
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
    super::check(fd)?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
