//! The smallest program, for a case that executes something: a virtual machine copies it in no time.

/// What it ends with.
pub const STATUS: i32 = 42;

/// An ELF file with one segment and one entry: `exit(STATUS)`.
#[cfg(target_arch = "x86_64")]
pub const IMAGE: &[u8] = &image(
    62,
    // mov edi, 42; mov eax, 60; syscall; padding
    [0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05, 0, 0, 0, 0],
);

/// Likewise.
#[cfg(target_arch = "aarch64")]
pub const IMAGE: &[u8] = &image(
    183,
    // mov w0, 42; mov w8, 93; svc 0; padding
    [
        0x40, 0x05, 0x80, 0x52, 0xa8, 0x0b, 0x80, 0x52, 0x01, 0, 0, 0xd4, 0, 0, 0, 0,
    ],
);

/// Length of the headers of elf(5): the file's and one segment's.
const HEADERS: usize = 64 + 56;
/// Where the segment is in memory.
const ADDRESS: u64 = 0x40_0000;

const fn image(machine: u16, code: [u8; 16]) -> [u8; HEADERS + 16] {
    let mut image = [0; HEADERS + 16];
    // Magic, 64 bits, little-endian, version 1.
    image = put(image, 0, &[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    // ET_EXEC, machine, version 1.
    image = put(image, 16, &2_u16.to_le_bytes());
    image = put(image, 18, &machine.to_le_bytes());
    image = put(image, 20, &1_u32.to_le_bytes());
    // Entry; the segment's header follows this one.
    image = put(image, 24, &(ADDRESS + HEADERS as u64).to_le_bytes());
    image = put(image, 32, &64_u64.to_le_bytes());
    // Sizes of the two headers, and one segment.
    image = put(image, 52, &64_u16.to_le_bytes());
    image = put(image, 54, &56_u16.to_le_bytes());
    image = put(image, 56, &1_u16.to_le_bytes());
    // PT_LOAD, read and execute, all of the file.
    image = put(image, 64, &1_u32.to_le_bytes());
    image = put(image, 68, &5_u32.to_le_bytes());
    image = put(image, 80, &ADDRESS.to_le_bytes());
    image = put(image, 88, &ADDRESS.to_le_bytes());
    let size = (HEADERS + 16) as u64;
    image = put(image, 96, &size.to_le_bytes());
    image = put(image, 104, &size.to_le_bytes());
    image = put(image, 112, &4096_u64.to_le_bytes());
    put(image, HEADERS, &code)
}

const fn put<const N: usize>(mut into: [u8; N], at: usize, bytes: &[u8]) -> [u8; N] {
    let mut index = 0;
    while index < bytes.len() {
        into[at + index] = bytes[index];
        index += 1;
    }
    into
}
