//! The eBPF object: loaded, with the kernel's offsets in it.

use std::{thread, time::Instant};

use agentguard_common::offsets::LsmOffsets;
use aya::{
    Btf, Ebpf, EbpfError, EbpfLoader, VerifierLogLevel,
    programs::{
        BtfTracePoint, Lsm, Program, ProgramError, lsm::LsmLink, tp_btf::BtfTracePointLink,
    },
};

use super::{
    btf::KernelTypes,
    probe,
    symbols::{self, SymbolError},
};

/// The compiled programs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AGENTGUARD_EBPF_OBJECT"));

/// The programs on addresses, by name.
pub const SOCK_ADDR_PROGRAMS: [&str; 6] = [
    "connect4", "connect6", "sendmsg4", "sendmsg6", "bind4", "bind6",
];
/// The program on new sockets.
pub const SOCK_PROGRAM: &str = "sock_create";
/// The program on packets.
pub const EGRESS_PROGRAM: &str = "egress";
/// The programs on tracepoints; each has its tracepoint's name.
pub const TRACEPOINTS: [&str; 3] = ["cgroup_mkdir", "cgroup_rmdir", "cgroup_release"];

/// The programs on security hooks; each has its hook's name.
pub const LSM_HOOKS: [&str; 20] = [
    // First: what is known of an inode must be forgotten as long as anything is kept.
    "inode_free_security",
    "file_open",
    "mmap_file",
    "file_mprotect",
    "path_mknod",
    "path_mkdir",
    "path_symlink",
    "path_unlink",
    "path_rmdir",
    "path_link",
    "path_rename",
    "path_truncate",
    "file_truncate",
    "path_chmod",
    "path_chown",
    "path_chroot",
    "inode_setxattr",
    "inode_removexattr",
    "inode_set_acl",
    "inode_remove_acl",
];
/// The hooks that not every kernel has.
const OPTIONAL_HOOKS: [&str; 3] = [
    // Linux 6.2.
    "file_truncate",
    "inode_set_acl",
    "inode_remove_acl",
];

/// The programs that every daemon loads.
fn names() -> Vec<&'static str> {
    TRACEPOINTS
        .into_iter()
        .chain(SOCK_ADDR_PROGRAMS)
        .chain([SOCK_PROGRAM, EGRESS_PROGRAM])
        .collect()
}

/// The programs on security hooks that this kernel can have.
fn hook_names(types: &KernelTypes) -> Vec<&'static str> {
    LSM_HOOKS
        .into_iter()
        .filter(|hook| types.has_hook(hook) || !OPTIONAL_HOOKS.contains(hook))
        .collect()
}

/// Why the programs could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// aya could not read the tracepoints' types.
    #[error("cannot use the types of the kernel's tracepoints: {0}")]
    Tracepoints(#[from] aya::BtfError),
    /// The kernel lacks what the programs on security hooks read.
    #[error("cannot confine files: {0}")]
    Lsm(String),
    /// The kernel lacks a symbol.
    #[error("cannot confine files: {0}")]
    Symbol(#[from] SymbolError),
    /// The maps could not be made.
    #[error(
        "cannot create agentguard's tables in the kernel: {0}; `agentguard doctor` says what this host lacks"
    )]
    Object(#[source] Box<EbpfError>),
    /// The object lacks a program or a map.
    #[error("the eBPF object has no `{0}`: it does not belong to this binary")]
    Absent(&'static str),
    /// A thread that loaded a program panicked.
    #[error("a thread that loaded a program has panicked")]
    Thread,
    /// The kernel refused a program.
    #[error("the kernel refused the program `{name}`: {message}")]
    Refused {
        /// The program.
        name: &'static str,
        /// The error, with the end of the verifier's log.
        message: String,
    },
}

/// Sizes that can be chosen at load.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Cgroups of agents that the tag table holds.
    pub max_cgroups: u32,
    /// Instances that the table of instances holds.
    pub max_instances: u32,
}

/// What is loaded, and what holds it where it is.
pub struct Loaded {
    /// The object.
    pub ebpf: Ebpf,
    /// The tracepoints.
    pub tracepoints: Vec<BtfTracePointLink>,
    hooks: Vec<LsmLink>,
    later: Option<Later>,
}

/// What loading the programs on security hooks needs, when it comes to that.
struct Later {
    types: KernelTypes,
    sizes: Sizes,
    /// Why they cannot be loaded.
    obstacle: Option<LoadError>,
}

/// Loads the object and its programs, and attaches the tracepoints: from here on, whatever is made
/// in a tagged cgroup is tagged. `lsm` says whether programs on security hooks work on this host.
pub fn load(types: KernelTypes, sizes: Sizes, lsm: bool) -> Result<Loaded, LoadError> {
    let obstacle = if lsm {
        LsmGlobals::find(&types).err()
    } else {
        None
    };
    let mut ebpf = load_some(&types, sizes, &names())?;
    let mut tracepoints = Vec::with_capacity(TRACEPOINTS.len());
    for name in TRACEPOINTS {
        let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
        let id = program.attach().map_err(|error| refused(name, &error))?;
        tracepoints.push(
            program
                .take_link(id)
                .map_err(|error| refused(name, &error))?,
        );
    }
    Ok(Loaded {
        ebpf,
        tracepoints,
        hooks: Vec::new(),
        later: lsm.then_some(Later {
            types,
            sizes,
            obstacle,
        }),
    })
}

impl Loaded {
    /// Loads and attaches the programs on security hooks, if that was not done yet. They cost every process
    /// of the host a little, so a host whose scopes have no rules for files does without. Where such
    /// programs do not work, nothing happens: what depends on them is refused before.
    pub fn attach_hooks(&mut self) -> Result<(), LoadError> {
        let Some(later) = &mut self.later else {
            return Ok(());
        };
        if let Some(obstacle) = later.obstacle.take() {
            later.obstacle = LsmGlobals::find(&later.types).err();
            return Err(obstacle);
        }
        let names = hook_names(&later.types);
        let attach_types = later.types.attach_types()?;
        if let Err(error) = load_programs(&mut self.ebpf, &names, &attach_types) {
            return Err(explain(error, &later.types, later.sizes));
        }
        let mut hooks = Vec::with_capacity(names.len());
        for name in names {
            let program: &mut Lsm = program(&mut self.ebpf, name)?;
            let id = program.attach().map_err(|error| refused(name, &error))?;
            hooks.push(
                program
                    .take_link(id)
                    .map_err(|error| refused(name, &error))?,
            );
        }
        self.hooks = hooks;
        self.later = None;
        Ok(())
    }

    /// Detaches the programs on security hooks.
    pub fn detach_hooks(&mut self) {
        self.hooks.clear();
    }
}

/// What the programs on security hooks must know of the running kernel.
struct LsmGlobals {
    offsets: LsmOffsets,
    rename_lock: u64,
    backing_mode: u32,
}

impl LsmGlobals {
    fn find(types: &KernelTypes) -> Result<Self, LoadError> {
        let lsm = types
            .lsm
            .as_ref()
            .map_err(|it| LoadError::Lsm(it.clone()))?;
        Ok(Self {
            offsets: lsm.offsets,
            rename_lock: symbols::address("rename_lock")?,
            backing_mode: backing_mode(probe::kernel_version()),
        })
    }
}

/// The bit of `f_mode` by which a file is told that the kernel opens beneath an overlay (`include/linux/fs.h`):
/// `FMODE_BACKING`, which was moved in Linux 6.14, and `FMODE_NOACCOUNT` before there was one. Of a kernel that is
/// not known it is none: overlays are then refused what lies beneath them.
fn backing_mode(version: Option<(u32, u32)>) -> u32 {
    match version {
        None => 0,
        Some(version) if version >= (6, 14) => 1 << 24,
        Some(version) if version >= (6, 5) => 1 << 25,
        Some(_) => 1 << 29,
    }
}

/// Creates the object and loads some of its programs.
fn load_some(types: &KernelTypes, sizes: Sizes, names: &[&'static str]) -> Result<Ebpf, LoadError> {
    let attach_types = types.attach_types()?;
    let mut ebpf = create(types, sizes, VerifierLogLevel::DISABLE)?;
    match load_programs(&mut ebpf, names, &attach_types) {
        Ok(()) => Ok(ebpf),
        Err(error) => Err(explain(error, types, sizes)),
    }
}

/// The error with the verifier's log, which is asked for only when it is needed: it makes loading slower.
fn explain(error: LoadError, types: &KernelTypes, sizes: Sizes) -> LoadError {
    let LoadError::Refused { name, .. } = error else {
        return error;
    };
    let again = || {
        let attach_types = types.attach_types()?;
        let level = VerifierLogLevel::VERBOSE | VerifierLogLevel::STATS;
        let mut ebpf = create(types, sizes, level)?;
        load_programs(&mut ebpf, &[name], &attach_types)
    };
    again().err().unwrap_or(error)
}

fn create(types: &KernelTypes, sizes: Sizes, level: VerifierLogLevel) -> Result<Ebpf, LoadError> {
    let mut loader = EbpfLoader::new();
    loader
        // The object has no relocations against the kernel's types.
        .btf(None)
        .allow_unsupported_maps()
        .override_global("OFFSETS", &types.offsets, true)
        .map_max_entries("TAGS", sizes.max_cgroups)
        .map_max_entries("INSTANCES", sizes.max_instances)
        .verifier_log_level(level);
    // Where they are not to be had, the programs that need them are not loaded.
    let globals = LsmGlobals::find(types).ok();
    if let Some(globals) = &globals {
        loader
            .override_global("LSM_OFFSETS", &globals.offsets, true)
            .override_global("RENAME_LOCK", &globals.rename_lock, true)
            .override_global("BACKING_MODE", &globals.backing_mode, true);
    }
    loader
        .load(OBJECT)
        .map_err(|error| LoadError::Object(Box::new(error)))
}

/// Loads the programs, each on a thread of its own: the kernel verifies them side by side.
fn load_programs(
    ebpf: &mut Ebpf,
    names: &[&'static str],
    attach_types: &Btf,
) -> Result<(), LoadError> {
    for name in names {
        ebpf.program(name).ok_or(LoadError::Absent(name))?;
    }
    thread::scope(|scope| {
        let threads: Vec<_> = ebpf
            .programs_mut()
            .filter_map(|(name, program)| {
                let name = names.iter().find(|it| **it == name)?;
                Some(scope.spawn(move || timed(name, program, attach_types)))
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(LoadError::Thread)))
    })
}

/// Loads one program, and says how long the kernel took.
fn timed(name: &'static str, program: &mut Program, attach_types: &Btf) -> Result<(), LoadError> {
    let start = Instant::now();
    let loaded = match program {
        Program::BtfTracePoint(program) => program.load(name, attach_types),
        Program::Lsm(program) => program.load(name, attach_types),
        Program::CgroupSockAddr(program) => program.load(),
        Program::CgroupSock(program) => program.load(),
        Program::CgroupSkb(program) => program.load(),
        _ => return Err(LoadError::Absent(name)),
    };
    tracing::debug!("program {name}: {:?}", start.elapsed());
    loaded.map_err(|error| refused(name, &error))
}

/// A program of the object.
pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, LoadError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .and_then(|program| program.try_into().ok())
        .ok_or(LoadError::Absent(name))
}

fn refused(name: &'static str, error: &ProgramError) -> LoadError {
    const TAIL: usize = 2000;
    let message = match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let start = log.len().saturating_sub(TAIL);
            let start = (start..log.len()).find(|at| log.is_char_boundary(*at));
            format!("{io_error}\n{}", start.map_or("", |start| &log[start..]))
        }
        other => other.to_string(),
    };
    LoadError::Refused { name, message }
}
