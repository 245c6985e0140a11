//! Where the running kernel keeps the members that our programs read.
//!
//! Only this much of BTF is read: structures, their members, and the sizes of the other kinds of
//! entries, to step over them (`Documentation/bpf/btf.rst`).

use std::{collections::HashMap, fs, io, path::Path};

use agentguard_common::identity::Offsets;

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
    /// A member that a program reads is not there.
    #[error("this kernel has no `{structure}.{member}`, which agentguard's programs read")]
    Missing {
        /// The structure.
        structure: &'static str,
        /// The member.
        member: &'static str,
    },
}

/// Resolves the offsets that the programs need.
pub fn offsets() -> Result<Offsets, BtfError> {
    let data = fs::read(Path::new(VMLINUX)).map_err(|source| BtfError::Read {
        path: VMLINUX.to_owned(),
        source,
    })?;
    resolve(&Btf::parse(&data)?)
}

fn resolve(btf: &Btf<'_>) -> Result<Offsets, BtfError> {
    Ok(Offsets {
        cgroup_self: btf.member("cgroup", "self")?,
        cgroup_kn: btf.member("cgroup", "kn")?,
        cgroup_root: btf.member("cgroup", "root")?,
        cgroup_root_hierarchy_id: btf.member("cgroup_root", "hierarchy_id")?,
        css_parent: btf.member("cgroup_subsys_state", "parent")?,
        css_cgroup: btf.member("cgroup_subsys_state", "cgroup")?,
        kernfs_node_id: btf.member("kernfs_node", "id")?,
        kernfs_node_name: btf.member("kernfs_node", "name")?,
        task_pid: btf.member("task_struct", "pid")?,
        task_tgid: btf.member("task_struct", "tgid")?,
        task_group_leader: btf.member("task_struct", "group_leader")?,
        task_start_boottime: btf.member("task_struct", "start_boottime")?,
        task_comm: btf.member("task_struct", "comm")?,
        task_cred: btf.member("task_struct", "cred")?,
        task_cgroups: btf.member("task_struct", "cgroups")?,
        css_set_dfl_cgrp: btf.member("css_set", "dfl_cgrp")?,
        cred_uid: btf.member("cred", "uid")?,
        sock_cgroup: btf.member("sock", "sk_cgrp_data")?
            + btf.member("sock_cgroup_data", "cgroup")?,
    })
}

const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;

#[derive(Clone, Copy)]
struct Composite<'a> {
    /// Twelve bytes each.
    members: &'a [u8],
    /// Member offsets share their word with a bit-field size.
    has_bit_fields: bool,
}

struct Btf<'a> {
    strings: &'a [u8],
    by_id: HashMap<u32, Composite<'a>>,
    by_name: HashMap<&'a [u8], u32>,
}

impl<'a> Btf<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, BtfError> {
        const TRUNCATED: BtfError = BtfError::Malformed("it ends too early");
        if data.get(..2) != Some(&0xeb9f_u16.to_ne_bytes()) {
            return Err(BtfError::Malformed("no magic number"));
        }
        let header = |at| word(data, at).ok_or(TRUNCATED);
        let start = header(4)?;
        let section = |at: usize| -> Result<&'a [u8], BtfError> {
            let (offset, length) = (header(at)?, header(at + 4)?);
            let first = start as usize + offset as usize;
            data.get(first..first + length as usize).ok_or(TRUNCATED)
        };
        let types = section(8)?;
        let strings = section(16)?;
        let mut btf = Self {
            strings,
            by_id: HashMap::new(),
            by_name: HashMap::new(),
        };
        let (mut at, mut id) = (0, 1);
        while at < types.len() {
            let name = word(types, at).ok_or(TRUNCATED)?;
            let info = word(types, at + 4).ok_or(TRUNCATED)?;
            at += 12;
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let size = match kind {
                // Integer, variable, declaration tag.
                1 | 14 | 17 => 4,
                // Array.
                3 => 12,
                // Structure, union, data section, 64-bit enumeration.
                KIND_STRUCT | KIND_UNION | 15 | 19 => 12 * count,
                // Enumeration, function prototype.
                6 | 13 => 8 * count,
                // Pointer, forward, typedef, qualifiers, function, float, type tag.
                2 | 7..=12 | 16 | 18 => 0,
                _ => {
                    return Err(BtfError::Malformed(
                        "it has a kind of type that is not known",
                    ));
                }
            };
            let members = types.get(at..at + size).ok_or(TRUNCATED)?;
            if kind == KIND_STRUCT || kind == KIND_UNION {
                let composite = Composite {
                    members,
                    has_bit_fields: info >> 31 != 0,
                };
                btf.by_id.insert(id, composite);
                let name = btf.string(name)?;
                if kind == KIND_STRUCT && !name.is_empty() {
                    btf.by_name.entry(name).or_insert(id);
                }
            }
            at += size;
            id += 1;
        }
        Ok(btf)
    }

    fn string(&self, offset: u32) -> Result<&'a [u8], BtfError> {
        self.strings
            .get(offset as usize..)
            .and_then(|rest| rest.split(|byte| *byte == 0).next())
            .ok_or(BtfError::Malformed("a name lies outside the strings"))
    }

    /// The offset of a member in bytes; members of anonymous members count as the structure's own.
    fn member(&self, structure: &'static str, member: &'static str) -> Result<u32, BtfError> {
        let missing = BtfError::Missing { structure, member };
        let Some(id) = self.by_name.get(structure.as_bytes()) else {
            return Err(missing);
        };
        self.find(*id, member.as_bytes(), 0)?.ok_or(missing)
    }

    fn find(&self, id: u32, member: &[u8], depth: u32) -> Result<Option<u32>, BtfError> {
        // Anonymous members nest a few levels; malformed data could nest for ever.
        let Some(composite) = self.by_id.get(&id).filter(|_| depth < 16) else {
            return Ok(None);
        };
        for entry in composite.members.chunks_exact(12) {
            let (Some(name), Some(of), Some(bits)) =
                (word(entry, 0), word(entry, 4), word(entry, 8))
            else {
                return Err(BtfError::Malformed("a member is cut short"));
            };
            let bits = if composite.has_bit_fields {
                bits & 0x00ff_ffff
            } else {
                bits
            };
            let name = self.string(name)?;
            if name == member {
                return Ok(Some(bits / 8));
            }
            if name.is_empty()
                && let Some(inner) = self.find(of, member, depth + 1)?
            {
                return Ok(Some(bits / 8 + inner));
            }
        }
        Ok(None)
    }
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_has_every_member() {
        let offsets = offsets().unwrap();
        assert_ne!(offsets.task_comm, 0);
        assert_ne!(offsets.kernfs_node_id, 0);
    }

    #[test]
    fn a_missing_member_is_named() {
        let data = fs::read(VMLINUX).unwrap();
        let btf = Btf::parse(&data).unwrap();
        let error = btf.member("cgroup", "no_such_member").unwrap_err();
        assert!(error.to_string().contains("`cgroup.no_such_member`"));
        assert!(btf.member("no_such_structure", "x").is_err());
    }

    #[test]
    fn malformed_data_is_an_error() {
        assert!(Btf::parse(b"").is_err());
        assert!(Btf::parse(b"not BTF at all, and long enough to hold a header").is_err());
        let data = fs::read(VMLINUX).unwrap();
        assert!(Btf::parse(&data[..data.len() / 2]).is_err());
    }
}
