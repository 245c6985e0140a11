//! The kernel's type information.
//!
//! Only this much of BTF is read: structures, their members, type definitions, functions, and the sizes of
//! the other kinds of entries, to step over them (`Documentation/bpf/btf.rst`).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    io,
};

use agentguard_common::offsets::Source;

/// Why the kernel's types cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BtfError {
    /// The file could not be read.
    #[error(
        "cannot read the kernel's type information at {path}: {source}; agentguard needs a kernel built with CONFIG_DEBUG_INFO_BTF=y"
    )]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file is not BTF as we know it.
    #[error("the kernel's type information is malformed: {0}")]
    Malformed(&'static str),
    /// A structure that a program reads is not there.
    #[error("this kernel has no `{0}`, which agentguard's programs read")]
    NoStructure(&'static str),
    /// A member that a program reads is not there.
    #[error("this kernel has no `{structure}.{member}`, which agentguard's programs read")]
    Missing {
        /// The structure.
        structure: &'static str,
        /// The member.
        member: &'static str,
    },
}

/// Structures by name: each is sought once.
pub(super) struct Structures<'a> {
    btf: &'a Btf<'a>,
    known: HashMap<&'static str, Structure<'a>>,
}

impl<'a> Structures<'a> {
    pub(super) fn new(btf: &'a Btf<'a>) -> Self {
        Self {
            btf,
            known: HashMap::new(),
        }
    }

    /// The offset of a value in bytes.
    pub(super) fn offset(&mut self, source: Source) -> Result<u32, BtfError> {
        let mut offset = 0;
        for (name, member) in source.iter().copied() {
            let structure = match self.known.entry(name) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.btf.structure(name)?),
            };
            offset += structure.member(member)?;
        }
        Ok(offset)
    }
}

/// `"\xeb\x9f"`, in the byte order of the kernel.
pub(super) const MAGIC: u16 = 0xeb9f;
/// Bytes of the header.
pub(super) const HEADER: u32 = 24;

const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
pub(super) const KIND_FORWARD: u32 = 7;
pub(super) const KIND_TYPEDEF: u32 = 8;
pub(super) const KIND_FUNCTION: u32 = 12;

const TRUNCATED: BtfError = BtfError::Malformed("it ends too early");

/// All types, as they lie in the file.
pub(super) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins. Ids begin at 1.
    places: Vec<u32>,
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    /// The id of its type.
    pub(super) id: u32,
    /// How many arguments it has.
    pub(super) arguments: u32,
}

/// A structure.
struct Structure<'a> {
    btf: &'a Btf<'a>,
    name: &'static str,
    id: u32,
}

impl<'a> Btf<'a> {
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, BtfError> {
        if data.get(..2) != Some(&MAGIC.to_ne_bytes()) {
            return Err(BtfError::Malformed("no magic number"));
        }
        let header = |at| word(data, at).ok_or(TRUNCATED);
        let start = header(4)?;
        let section = |at: usize| -> Result<&'a [u8], BtfError> {
            let (offset, length) = (header(at)?, header(at + 4)?);
            let first = start as usize + offset as usize;
            data.get(first..first + length as usize).ok_or(TRUNCATED)
        };
        let (types, strings) = (section(8)?, section(16)?);
        let mut places = Vec::new();
        let mut at = 0;
        while at < types.len() {
            places.push(u32::try_from(at).map_err(|_| BtfError::Malformed("it is too long"))?);
            let (kind, count) = kind(types, at).ok_or(TRUNCATED)?;
            at += 12
                + match kind {
                    // Integer, variable, declaration tag.
                    1 | 14 | 17 => 4,
                    // Array.
                    3 => 12,
                    // Structure, union, data section, 64-bit enumeration.
                    KIND_STRUCT | KIND_UNION | 15 | 19 => 12 * count,
                    // Enumeration, function prototype.
                    6 | 13 => 8 * count,
                    // Pointer, forward, type definition, qualifiers, function, float, type tag.
                    2 | 7..=12 | 16 | 18 => 0,
                    _ => {
                        return Err(BtfError::Malformed(
                            "it has a kind of type that is not known",
                        ));
                    }
                };
        }
        if at > types.len() {
            return Err(TRUNCATED);
        }
        Ok(Self {
            types,
            strings,
            places,
        })
    }

    /// The first type of a kind and a name.
    pub(super) fn find(&self, wanted: u32, name: &str) -> Option<u32> {
        let index = self.places.iter().position(|place| {
            let at = *place as usize;
            kind(self.types, at).is_some_and(|(kind, _)| kind == wanted)
                && word(self.types, at).is_some_and(|offset| self.is_named(offset, name))
        })?;
        u32::try_from(index + 1).ok()
    }

    /// The first functions of these names, which all begin with `prefix`.
    pub(super) fn functions(
        &self,
        prefix: &str,
        names: impl Iterator<Item = &'static str>,
    ) -> BTreeMap<&'static str, Function> {
        let names: BTreeSet<&'static str> = names.collect();
        let mut found = BTreeMap::new();
        for (index, place) in self.places.iter().enumerate() {
            let at = *place as usize;
            if kind(self.types, at).is_none_or(|(kind, _)| kind != KIND_FUNCTION) {
                continue;
            }
            let rest = word(self.types, at)
                .and_then(|offset| self.strings.get(offset as usize..))
                .and_then(|text| text.strip_prefix(prefix.as_bytes()));
            let name = rest
                .and_then(|rest| rest.split(|byte| *byte == 0).next())
                .and_then(|name| std::str::from_utf8(name).ok())
                .and_then(|name| names.get(name));
            if let (Some(name), Ok(id)) = (name, u32::try_from(index + 1)) {
                let arguments = self.arguments(at);
                found.entry(*name).or_insert(Function { id, arguments });
            }
        }
        found
    }

    /// How many arguments the function at a place has: so many has its prototype.
    fn arguments(&self, at: usize) -> u32 {
        word(self.types, at + 8)
            .and_then(|id| self.places.get((id as usize).checked_sub(1)?))
            .and_then(|prototype| kind(self.types, *prototype as usize))
            .and_then(|(_, count)| u32::try_from(count).ok())
            .unwrap_or(0)
    }

    fn is_named(&self, offset: u32, name: &str) -> bool {
        self.strings
            .get(offset as usize..)
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    fn structure(&'a self, name: &'static str) -> Result<Structure<'a>, BtfError> {
        let id = self
            .find(KIND_STRUCT, name)
            .ok_or(BtfError::NoStructure(name))?;
        Ok(Structure {
            btf: self,
            name,
            id,
        })
    }

    /// The offset of a member in bits.
    fn offset(&self, id: u32, member: &str, depth: u32) -> Result<Option<u32>, BtfError> {
        let place = (id as usize)
            .checked_sub(1)
            .and_then(|it| self.places.get(it));
        // Anonymous members nest a few levels; malformed data could nest for ever.
        let Some(at) = place.map(|at| *at as usize).filter(|_| depth < 16) else {
            return Ok(None);
        };
        let (kind, count) = kind(self.types, at).ok_or(TRUNCATED)?;
        if kind != KIND_STRUCT && kind != KIND_UNION {
            return Ok(None);
        }
        // Member offsets then share their word with a bit-field size.
        let has_bit_fields = word(self.types, at + 4).is_some_and(|info| info >> 31 != 0);
        for index in 0..count {
            let entry = at + 12 + 12 * index;
            let field = |offset| word(self.types, entry + offset).ok_or(TRUNCATED);
            let (name, of, bits) = (field(0)?, field(4)?, field(8)?);
            let bits = if has_bit_fields {
                bits & 0x00ff_ffff
            } else {
                bits
            };
            if self.is_named(name, member) {
                return Ok(Some(bits));
            }
            if self.is_named(name, "")
                && let Some(inner) = self.offset(of, member, depth + 1)?
            {
                return Ok(Some(bits + inner));
            }
        }
        Ok(None)
    }
}

impl Structure<'_> {
    /// The offset of a member in bytes; members of anonymous members count as the structure's own.
    fn member(&self, member: &'static str) -> Result<u32, BtfError> {
        let bits = self.btf.offset(self.id, member, 0)?;
        bits.map(|bits| bits / 8).ok_or(BtfError::Missing {
            structure: self.name,
            member,
        })
    }
}

/// The kind of the type at a place, and how many members it has.
fn kind(types: &[u8], at: usize) -> Option<(u32, usize)> {
    let info = word(types, at + 4)?;
    Some((info >> 24 & 0x1f, (info & 0xffff) as usize))
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::kernel::types::VMLINUX;

    #[test]
    fn a_missing_member_is_named() {
        let data = fs::read(VMLINUX).unwrap();
        let btf = Btf::parse(&data).unwrap();
        let cgroup = btf.structure("cgroup").unwrap();
        let error = cgroup.member("no_such_member").unwrap_err();
        assert!(error.to_string().contains("`cgroup.no_such_member`"));
        let error = btf.structure("no_such_structure").err().unwrap();
        assert!(error.to_string().contains("`no_such_structure`"));
    }

    #[test]
    fn malformed_data_is_an_error() {
        assert!(Btf::parse(b"").is_err());
        assert!(Btf::parse(b"not BTF at all, and long enough to hold a header").is_err());
        let data = fs::read(VMLINUX).unwrap();
        assert!(Btf::parse(&data[..data.len() / 2]).is_err());
        // In the middle of a type.
        let mut cut = data.clone();
        let length = word(&data, 12).unwrap() - 4;
        cut[12..16].copy_from_slice(&length.to_ne_bytes());
        assert!(Btf::parse(&cut).is_err());
    }
}
