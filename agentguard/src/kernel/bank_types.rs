//! The types of a bank, as the kernel is told them.
//!
//! Up to Linux 6.3 an array of maps takes only maps whose types are described as its own are
//! (`timer_off` in `bpf_map_meta_equal`): a bank needs types, of which only that its values are
//! structures without a timer matters. To ask the kernel for the types of the map that banks are made
//! like takes `CAP_SYS_ADMIN` (`BPF_BTF_GET_FD_BY_ID`), which the daemon needs for nothing else: so it
//! describes a bank itself.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::sys;

/// `BTF_KIND_INT` and `BTF_KIND_STRUCT` of `linux/btf.h`.
const INT: u32 = 1;
const STRUCT: u32 = 4;
/// How many words describe the types.
const WORDS: u32 = 10;
/// Bytes of the names.
const NAMES_SIZE: u32 = 14;
/// The names of the types, each ended by a zero byte; the first is the empty one.
const NAMES: &[u8; NAMES_SIZE as usize] = b"\0u32\0row\0word\0";

/// The types of an array of structures of one size, in the kernel.
#[derive(Debug)]
pub(super) struct BankTypes(OwnedFd);

impl BankTypes {
    /// The number of the keys' type: a `u32`.
    pub(super) const KEY: u32 = 1;
    /// The number of the values' type: a structure.
    pub(super) const VALUE: u32 = 2;

    /// Tells the kernel the types for values of so many bytes. Linux 4.18.
    pub(super) fn load(value_size: u32) -> io::Result<Self> {
        sys::load_btf(&describe(value_size)).map(Self)
    }

    /// What the types' numbers belong to.
    pub(super) fn btf(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The types in the format of BTF (`Documentation/bpf/btf.rst` of the kernel): a header, the types,
/// their names. Each type begins with its name's place, its kind with the number of its members, and
/// its size in bytes. In the byte order of this machine.
fn describe(value_size: u32) -> Vec<u8> {
    let [u32_name, row_name, word_name] = [1, 5, 9];
    #[rustfmt::skip]
    let types: [u32; WORDS as usize] = [
        // `u32`, of 32 bits.
        u32_name, INT << 24, 4, 32,
        // The structure. Only its first word is described: a member need not reach the end.
        row_name, (STRUCT << 24) | 1, value_size,
        word_name, BankTypes::KEY, 0,
    ];
    let mut bytes = Vec::new();
    // Magic, version and flags; then the header's size, and place and size of types and names.
    bytes.extend(0xEB9F_u16.to_ne_bytes());
    bytes.extend([1, 0]);
    let sizes = [24, 0, WORDS * 4, WORDS * 4, NAMES_SIZE];
    for word in sizes.iter().chain(&types) {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(NAMES);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// aya reads what the kernel is told.
    #[test]
    #[expect(
        clippy::default_trait_access,
        reason = "the type's crate is not a dependency of this one"
    )]
    fn the_description_is_btf() {
        let btf = aya_obj::btf::Btf::parse(&describe(48), Default::default()).unwrap();
        let id = |name, kind| btf.id_by_type_name_kind(name, kind).unwrap();
        assert_eq!(id("u32", aya_obj::btf::BtfKind::Int), BankTypes::KEY);
        assert_eq!(id("row", aya_obj::btf::BtfKind::Struct), BankTypes::VALUE);
    }
}
