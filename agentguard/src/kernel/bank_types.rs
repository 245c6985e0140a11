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
const WORDS: u32 = 16;
/// Bytes of the names.
const NAMES_SIZE: u32 = 18;
/// The names of the types, each ended by a zero byte; the first is the empty one.
const NAMES: &[u8; NAMES_SIZE as usize] = b"\0u32\0row\0word\0key\0";

/// The types of a map of structures of one size, in the kernel.
#[derive(Debug)]
pub(super) struct BankTypes {
    btf: OwnedFd,
    key: u32,
}

impl BankTypes {
    /// The number of a `u32`.
    const WORD: u32 = 1;
    /// The number of the values' type: a structure.
    pub(super) const VALUE: u32 = 2;
    /// The number of the type of keys that are a structure.
    const KEY: u32 = 3;

    /// Tells the kernel the types for the keys and values of a map like this. Linux 4.18.
    pub(super) fn load(template: BorrowedFd<'_>) -> io::Result<Self> {
        let (key_size, value_size) = sys::sizes(template)?;
        Ok(Self {
            btf: sys::load_btf(&describe(key_size, value_size))?,
            // That of an array must be an integer.
            key: if key_size == 4 { Self::WORD } else { Self::KEY },
        })
    }

    /// What the types' numbers belong to.
    pub(super) fn btf(&self) -> BorrowedFd<'_> {
        self.btf.as_fd()
    }

    /// The number of the keys' type.
    pub(super) const fn key(&self) -> u32 {
        self.key
    }
}

/// The types in the format of BTF (`Documentation/bpf/btf.rst` of the kernel): a header, the types,
/// their names. Each type begins with its name's place, its kind with the number of its members, and
/// its size in bytes. In the byte order of this machine.
fn describe(key_size: u32, value_size: u32) -> Vec<u8> {
    let [u32_name, row_name, word_name, key_name] = [1, 5, 9, 14];
    #[rustfmt::skip]
    let types: [u32; WORDS as usize] = [
        // `u32`, of 32 bits.
        u32_name, INT << 24, 4, 32,
        // The structures. Only their first words are described: a member need not reach the end.
        row_name, (STRUCT << 24) | 1, value_size,
        word_name, BankTypes::WORD, 0,
        key_name, (STRUCT << 24) | 1, key_size,
        word_name, BankTypes::WORD, 0,
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
        let btf = aya_obj::btf::Btf::parse(&describe(16, 48), Default::default()).unwrap();
        let id = |name, kind| btf.id_by_type_name_kind(name, kind).unwrap();
        assert_eq!(id("u32", aya_obj::btf::BtfKind::Int), BankTypes::WORD);
        assert_eq!(id("row", aya_obj::btf::BtfKind::Struct), BankTypes::VALUE);
        assert_eq!(id("key", aya_obj::btf::BtfKind::Struct), BankTypes::KEY);
    }
}
