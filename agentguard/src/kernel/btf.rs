//! Where the running kernel keeps the members that our programs read, and which types its
//! tracepoints have.
//!
//! Only this much of BTF is read: structures, their members, type definitions, and the sizes of the
//! other kinds of entries, to step over them (`Documentation/bpf/btf.rst`). It is read once, and
//! nothing of its megabytes is kept.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    fs, io,
    path::Path,
};

use agentguard_common::offsets::{LsmOffsets, Offsets, Source};

use super::object::{LSM_HOOKS, TRACEPOINTS};

/// The kernel's own type information (Linux 5.4, `CONFIG_DEBUG_INFO_BTF`).
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

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

/// What the programs need of the kernel's types.
#[derive(Clone, Debug)]
pub struct KernelTypes {
    /// Where members are.
    pub offsets: Offsets,
    /// The types of [`TRACEPOINTS`], in that order; `None` is a tracepoint that does not exist.
    tracepoints: [Option<u32>; TRACEPOINTS.len()],
    /// What the programs on security hooks need; `Err` names what this kernel lacks.
    pub lsm: Result<LsmTypes, Missing>,
}

/// What the programs on security hooks need of the kernel's types.
#[derive(Clone, Debug)]
pub struct LsmTypes {
    /// Where members are.
    pub offsets: LsmOffsets,
    /// The types of [`LSM_HOOKS`], in that order; `None` is a hook that does not exist.
    hooks: [Option<u32>; LSM_HOOKS.len()],
}

/// A structure or member that a program on a security hook reads, and this kernel does not have.
pub type Missing = String;

/// Reads the running kernel's types.
pub fn read() -> Result<KernelTypes, BtfError> {
    let data = fs::read(Path::new(VMLINUX)).map_err(|source| BtfError::Read {
        path: VMLINUX.to_owned(),
        source,
    })?;
    resolve(&Btf::parse(&data)?)
}

impl KernelTypes {
    /// A tracepoint that this kernel does not have, if there is one.
    pub fn absent(&self) -> Option<&'static str> {
        let mut tracepoints = TRACEPOINTS.into_iter().zip(self.tracepoints);
        tracepoints.find_map(|(name, id)| id.is_none().then_some(name))
    }

    /// The types of tracepoints and security hooks, as aya wants them: it knows a type by its place in a
    /// list of all, so the places of the others are blank. The kernel's whole list would take it longer to
    /// parse than the kernel needs to verify a program.
    pub fn attach_types(&self) -> Result<aya::Btf, aya::BtfError> {
        let mut known = BTreeMap::new();
        for (name, id) in TRACEPOINTS.into_iter().zip(self.tracepoints) {
            known.extend(id.map(|id| (id, (type_name(name), KIND_TYPEDEF))));
        }
        for (hook, id) in self.hooks() {
            known.extend(id.map(|id| (id, (function_name(hook), KIND_FUNCTION))));
        }
        let mut names = vec![0];
        let mut types = Vec::new();
        let last = known.keys().last().copied();
        for id in 1..=last.unwrap_or(0) {
            let (name, kind) = if let Some((text, kind)) = known.get(&id) {
                let name = length(&names);
                names.extend(text.bytes().chain([0]));
                (name, *kind)
            } else {
                (0, KIND_FORWARD)
            };
            for word in [name, kind << 24, 0] {
                types.extend(word.to_ne_bytes());
            }
        }
        let mut data = Vec::with_capacity(HEADER as usize + types.len() + names.len());
        data.extend(MAGIC.to_ne_bytes());
        // Version, flags.
        data.extend([1, 0]);
        let (middle, end) = (length(&types), length(&names));
        for word in [HEADER, 0, middle, middle, end] {
            data.extend(word.to_ne_bytes());
        }
        data.extend(types);
        data.extend(names);
        aya::Btf::parse(&data, aya::Endianness::default())
    }

    /// The security hooks, and their types where they exist.
    fn hooks(&self) -> impl Iterator<Item = (&'static str, Option<u32>)> {
        let hooks = self.lsm.as_ref().map(|lsm| lsm.hooks);
        LSM_HOOKS
            .into_iter()
            .zip(hooks.unwrap_or([None; LSM_HOOKS.len()]))
    }

    /// The id of the type of a security hook, `None` without `CONFIG_BPF_LSM`.
    pub(super) fn hook(&self, name: &str) -> Option<u32> {
        self.hooks().find(|(hook, _)| *hook == name)?.1
    }

    /// Whether this kernel has a security hook.
    pub fn has_hook(&self, name: &str) -> bool {
        self.hooks().any(|(hook, id)| hook == name && id.is_some())
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The type definition that the kernel makes for a tracepoint (`__DEFINE_TRACE_EXT` and
/// `btf_trace_##call` in `include/trace/bpf_probe.h`).
fn type_name(tracepoint: &str) -> String {
    format!("btf_trace_{tracepoint}")
}

/// The function that the kernel has for a security hook (`kernel/bpf/bpf_lsm.c`).
fn function_name(hook: &str) -> String {
    format!("bpf_lsm_{hook}")
}

fn resolve(btf: &Btf<'_>) -> Result<KernelTypes, BtfError> {
    let mut structures = Structures::new(btf);
    let offsets = Offsets::find(|source| structures.offset(source))?;
    let lsm = LsmOffsets::find(|source| structures.offset(source));
    let functions = LSM_HOOKS.map(function_name);
    let hooks = btf.find_all(KIND_FUNCTION, &functions);
    Ok(KernelTypes {
        offsets,
        tracepoints: TRACEPOINTS.map(|name| btf.find(KIND_TYPEDEF, &type_name(name))),
        lsm: lsm
            .map(|offsets| LsmTypes { offsets, hooks })
            .map_err(|error| error.to_string()),
    })
}

/// Structures by name: each is sought once.
struct Structures<'a> {
    btf: &'a Btf<'a>,
    known: HashMap<&'static str, Structure<'a>>,
}

impl<'a> Structures<'a> {
    fn new(btf: &'a Btf<'a>) -> Self {
        Self {
            btf,
            known: HashMap::new(),
        }
    }

    /// The offset of a value in bytes.
    fn offset(&mut self, source: Source) -> Result<u32, BtfError> {
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
const MAGIC: u16 = 0xeb9f;
/// Bytes of the header.
const HEADER: u32 = 24;

const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_FORWARD: u32 = 7;
const KIND_TYPEDEF: u32 = 8;
const KIND_FUNCTION: u32 = 12;

const TRUNCATED: BtfError = BtfError::Malformed("it ends too early");

/// All types, as they lie in the file.
struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins. Ids begin at 1.
    places: Vec<u32>,
}

/// A structure.
struct Structure<'a> {
    btf: &'a Btf<'a>,
    name: &'static str,
    id: u32,
}

impl<'a> Btf<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, BtfError> {
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
    fn find(&self, wanted: u32, name: &str) -> Option<u32> {
        let index = self.places.iter().position(|place| {
            let at = *place as usize;
            kind(self.types, at).is_some_and(|(kind, _)| kind == wanted)
                && word(self.types, at).is_some_and(|offset| self.is_named(offset, name))
        })?;
        u32::try_from(index + 1).ok()
    }

    /// The first types of a kind, by name.
    fn find_all<const N: usize>(&self, wanted: u32, names: &[String; N]) -> [Option<u32>; N] {
        let mut found = [None; N];
        for (index, place) in self.places.iter().enumerate() {
            let at = *place as usize;
            if kind(self.types, at).is_none_or(|(kind, _)| kind != wanted) {
                continue;
            }
            let Some(offset) = word(self.types, at) else {
                continue;
            };
            for (name, found) in names.iter().zip(&mut found) {
                if found.is_none() && self.is_named(offset, name) {
                    *found = u32::try_from(index + 1).ok();
                }
            }
        }
        found
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
    use aya_obj::btf::BtfKind;

    use super::*;

    #[test]
    fn the_running_kernel_has_every_member() {
        let types = read().unwrap();
        assert_ne!(types.offsets.task_comm, 0);
        assert_ne!(types.offsets.kernfs_node_id, 0);
        assert_eq!(types.absent(), None);
    }

    #[test]
    fn a_tracepoint_has_the_same_type_in_the_slice_as_in_the_kernel() {
        let slice = read().unwrap().attach_types().unwrap();
        let whole = aya::Btf::from_sys_fs().unwrap();
        for name in TRACEPOINTS {
            let id = |btf: &aya::Btf| {
                btf.id_by_type_name_kind(&type_name(name), BtfKind::Typedef)
                    .unwrap()
            };
            assert_eq!(id(&slice), id(&whole), "{name}");
        }
    }

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
