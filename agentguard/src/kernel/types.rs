//! What the programs must know of the running kernel's types: where members are, and which types its
//! tracepoints and hooks have.
//!
//! It is read once, and nothing of its megabytes is kept.

use std::{collections::BTreeMap, fs, path::Path};

use agentguard_common::offsets::{LsmOffsets, Offsets};

use super::{
    btf::{
        Btf, BtfError, Function, HEADER, KIND_FORWARD, KIND_FUNCTION, KIND_TYPEDEF, MAGIC,
        Structures,
    },
    hooks::{ITERATORS, TRACEPOINTS, security_hooks},
};

/// The kernel's own type information (Linux 5.4, `CONFIG_DEBUG_INFO_BTF`).
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// What the programs need of the kernel's types.
#[derive(Clone, Debug)]
pub struct KernelTypes {
    /// Where members are.
    pub offsets: Offsets,
    /// The types of [`TRACEPOINTS`], in that order; `None` is a tracepoint that does not exist.
    tracepoints: [Option<u32>; TRACEPOINTS.len()],
    /// The types of the [iterators](ITERATORS) that exist.
    iterators: BTreeMap<&'static str, Function>,
    /// What the programs on security hooks need; `Err` names what this kernel lacks.
    pub lsm: Result<LsmTypes, Missing>,
}

/// What the programs on security hooks need of the kernel's types.
#[derive(Clone, Debug)]
pub struct LsmTypes {
    /// Where members are.
    pub offsets: LsmOffsets,
    /// The types of the [security hooks](security_hooks) that exist.
    hooks: BTreeMap<&'static str, Function>,
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
    /// A tracepoint or an iterator that this kernel does not have, if there is one.
    pub fn absent(&self) -> Option<&'static str> {
        let tracepoints = TRACEPOINTS.into_iter().zip(self.tracepoints);
        let iterators = ITERATORS.map(|(_, name)| (name, self.iterators.get(name).map(|it| it.id)));
        tracepoints
            .chain(iterators)
            .find_map(|(name, id)| id.is_none().then_some(name))
    }

    /// The types of tracepoints and security hooks, as aya wants them: it knows a type by its place in a
    /// list of all, so the places of the others are blank. The kernel's whole list would take it longer to
    /// parse than the kernel needs to verify a program.
    pub fn attach_types(&self) -> Result<aya::Btf, aya::BtfError> {
        let mut known = BTreeMap::new();
        for (name, id) in TRACEPOINTS.into_iter().zip(self.tracepoints) {
            known.extend(id.map(|id| (id, (type_name(name), KIND_TYPEDEF))));
        }
        for (name, function) in &self.iterators {
            known.insert(function.id, (format!("{ITERATOR}{name}"), KIND_FUNCTION));
        }
        for (hook, id) in self.hooks() {
            known.insert(id, (format!("{HOOK}{hook}"), KIND_FUNCTION));
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

    /// The security hooks that exist, and their types.
    fn hooks(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let lsm = self.lsm.iter();
        lsm.flat_map(|lsm| {
            lsm.hooks
                .iter()
                .map(|(hook, function)| (*hook, function.id))
        })
    }

    /// The id of the type of a security hook, `None` without `CONFIG_BPF_LSM`.
    pub(super) fn hook(&self, name: &str) -> Option<u32> {
        Some(self.function(name)?.id)
    }

    /// How many arguments a security hook has; `None` if there is no such hook.
    pub fn arguments(&self, name: &str) -> Option<u32> {
        Some(self.function(name)?.arguments)
    }

    fn function(&self, hook: &str) -> Option<&Function> {
        self.lsm.as_ref().ok()?.hooks.get(hook)
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

/// What the kernel's functions for security hooks begin with (`kernel/bpf/bpf_lsm.c`).
const HOOK: &str = "bpf_lsm_";
/// What those for iterators begin with (`DEFINE_BPF_ITER_FUNC` in `include/linux/bpf.h`).
const ITERATOR: &str = "bpf_iter_";

fn resolve(btf: &Btf<'_>) -> Result<KernelTypes, BtfError> {
    let mut structures = Structures::new(btf);
    let offsets = Offsets::find(|source| structures.offset(source))?;
    let lsm = LsmOffsets::find(|source| structures.offset(source));
    Ok(KernelTypes {
        offsets,
        tracepoints: TRACEPOINTS.map(|name| btf.find(KIND_TYPEDEF, &type_name(name))),
        iterators: btf.functions(ITERATOR, ITERATORS.into_iter().map(|(_, name)| name)),
        lsm: lsm
            .map(|offsets| LsmTypes {
                offsets,
                hooks: btf.functions(HOOK, security_hooks()),
            })
            .map_err(|error| error.to_string()),
    })
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
}
