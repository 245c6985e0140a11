//! The eBPF object: loaded, with the kernel's offsets in it.

use std::{io, thread, time::Instant};

use aya::{
    Btf, Ebpf, EbpfError, EbpfLoader, VerifierLogLevel,
    programs::{
        BtfTracePoint, Lsm, Program, ProgramError, lsm::LsmLink, tp_btf::BtfTracePointLink,
    },
};

use super::{
    btf::BtfError,
    hooks::{
        EXEC_TRACEPOINT, FILE_HOOKS, GUARD_HOOKS, Hook, ITERATORS, SELF_TEST_PROGRAM, SOCKET_HOOKS,
        TASK_PROGRAM, TRACEPOINTS, hook_of,
    },
    probe,
    self_test::{self, SelfTestError},
    symbols::{self, SymbolError},
    types::{self, KernelTypes},
};

/// The compiled programs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AGENTGUARD_EBPF_OBJECT"));

/// The programs on addresses, by name.
pub const SOCK_ADDR_PROGRAMS: [&str; 6] = [
    "connect4", "connect6", "sendmsg4", "sendmsg6", "bind4", "bind6",
];
/// The programs that show the resolver's answers as those of the name server that was asked.
pub const ANSWER_PROGRAMS: [&str; 4] = ["recvmsg4", "recvmsg6", "getpeername4", "getpeername6"];
/// The program on new sockets.
pub const SOCK_PROGRAM: &str = "sock_create";
/// The program on packets.
pub const EGRESS_PROGRAM: &str = "egress";
/// The programs that every daemon loads.
fn names() -> Vec<&'static str> {
    permanent_tracepoints()
        .chain(SOCK_ADDR_PROGRAMS)
        .chain([SOCK_PROGRAM, EGRESS_PROGRAM, TASK_PROGRAM])
        .collect()
}

fn permanent_tracepoints() -> impl Iterator<Item = &'static str> {
    TRACEPOINTS
        .into_iter()
        .filter(|name| *name != EXEC_TRACEPOINT)
}

/// Those of some programs on security hooks that are for this kernel.
fn programs_for(types: &KernelTypes, hooks: &[Hook]) -> Vec<&'static str> {
    hooks
        .iter()
        .filter(|hook| hook.is_for(types.arguments(hook.name)))
        .map(|hook| hook.program)
        .collect()
}

/// Why the programs could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// aya could not read the tracepoints' types.
    #[error("cannot use the types of the kernel's tracepoints: {0}")]
    Tracepoints(#[from] aya::BtfError),
    /// The kernel's types cannot be read.
    #[error("cannot read the kernel's types: {0}")]
    Types(#[from] BtfError),
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
    /// The tasks could not be gone through.
    #[error("cannot go through the tasks: {0}")]
    Tasks(#[source] io::Error),
    /// The programs do not see what is there.
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
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
    names: Names,
}

/// What rules by name need besides.
enum Names {
    /// It is not loaded.
    Unloaded,
    /// It is, and the tracepoint is attached if a scope has rules by name.
    Loaded(Option<BtfTracePointLink>),
}

/// What loading the programs about paths needs, when it comes to that.
struct Later {
    types: KernelTypes,
    sizes: Sizes,
    /// Why they cannot be loaded.
    obstacle: Option<LoadError>,
    /// Whether those about sockets are.
    has_sockets: bool,
}

/// Loads the object and its programs, and attaches the tracepoints: from here on, whatever is made
/// in a tagged cgroup is tagged. `lsm` says whether programs on security hooks work on this host: those that
/// guard every agent are then attached, too.
pub fn load(types: KernelTypes, sizes: Sizes, lsm: bool) -> Result<Loaded, LoadError> {
    let obstacle = if lsm {
        LsmGlobals::find(&types).err()
    } else {
        None
    };
    let mut names = names();
    let guards = if lsm {
        programs_for(&types, &GUARD_HOOKS)
    } else {
        Vec::new()
    };
    names.extend(&guards);
    // It reads what a kernel without security hooks may lack.
    let can_test = types.lsm.is_ok();
    if can_test {
        names.push(SELF_TEST_PROGRAM);
    }
    let mut ebpf = load_some(&types, sizes, &names)?;
    if can_test {
        self_test::run(&mut ebpf)?;
    }
    let mut tracepoints = Vec::with_capacity(TRACEPOINTS.len());
    for name in permanent_tracepoints() {
        let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
        let id = program.attach().map_err(|error| refused(name, &error))?;
        tracepoints.push(
            program
                .take_link(id)
                .map_err(|error| refused(name, &error))?,
        );
    }
    let mut hooks = Vec::new();
    attach_hooks(&mut ebpf, &guards, &mut hooks)?;
    Ok(Loaded {
        ebpf,
        tracepoints,
        hooks,
        names: Names::Unloaded,
        later: lsm.then_some(Later {
            types,
            sizes,
            obstacle,
            has_sockets: false,
        }),
    })
}

impl Loaded {
    /// Loads and attaches the programs about Unix sockets, if that was not done yet. They cost every process of the
    /// host a little, so a host whose scopes do not confine sockets does without. Where such programs do not
    /// work, nothing happens: what depends on them is refused before, or said to be missing.
    pub fn attach_socket_hooks(&mut self) -> Result<(), LoadError> {
        if self.later.as_ref().is_some_and(|later| !later.has_sockets) {
            self.attach_path_hooks(&SOCKET_HOOKS)?;
        }
        if let Some(later) = &mut self.later {
            later.has_sockets = true;
        }
        Ok(())
    }

    /// As [`attach_socket_hooks`](Self::attach_socket_hooks), with the programs about files.
    pub fn attach_file_hooks(&mut self) -> Result<(), LoadError> {
        self.attach_socket_hooks()?;
        self.attach_path_hooks(&FILE_HOOKS)?;
        self.later = None;
        Ok(())
    }

    fn attach_path_hooks(&mut self, hooks: &[Hook]) -> Result<(), LoadError> {
        let Some(later) = &mut self.later else {
            return Ok(());
        };
        if let Some(obstacle) = later.obstacle.take() {
            later.obstacle = LsmGlobals::find(&later.types).err();
            return Err(obstacle);
        }
        let names = programs_for(&later.types, hooks);
        let attach_types = later.types.attach_types()?;
        if let Err(error) = load_programs(&mut self.ebpf, &names, &attach_types) {
            return Err(explain(error, &later.types, later.sizes));
        }
        attach_hooks(&mut self.ebpf, &names, &mut self.hooks)
    }

    /// Loads the programs that rules by name need besides, if that was not done yet. They are attached to
    /// cgroups with the others; the tracepoint that tells of network namespaces is attached here, and
    /// detached if no scope `has_names`.
    pub fn attach_name_hooks(&mut self, has_names: bool) -> Result<(), LoadError> {
        if !has_names {
            if let Names::Loaded(link) = &mut self.names {
                *link = None;
            }
            return Ok(());
        }
        if matches!(self.names, Names::Unloaded) {
            let types = types::read()?.attach_types()?;
            let names: Vec<_> = ANSWER_PROGRAMS
                .into_iter()
                .chain([EXEC_TRACEPOINT])
                .collect();
            load_programs(&mut self.ebpf, &names, &types)?;
            self.names = Names::Loaded(None);
        }
        if let Names::Loaded(link @ None) = &mut self.names {
            let refused = |error: &ProgramError| refused(EXEC_TRACEPOINT, error);
            let program: &mut BtfTracePoint = program(&mut self.ebpf, EXEC_TRACEPOINT)?;
            let id = program.attach().map_err(|error| refused(&error))?;
            *link = Some(program.take_link(id).map_err(|error| refused(&error))?);
        }
        Ok(())
    }

    /// Detaches the programs on security hooks.
    pub fn detach_hooks(&mut self) {
        self.hooks.clear();
    }
}

/// Attaches programs on security hooks, one after another.
fn attach_hooks(
    ebpf: &mut Ebpf,
    names: &[&'static str],
    links: &mut Vec<LsmLink>,
) -> Result<(), LoadError> {
    for name in names {
        let program: &mut Lsm = program(ebpf, name)?;
        let id = program.attach().map_err(|error| refused(name, &error))?;
        links.push(
            program
                .take_link(id)
                .map_err(|error| refused(name, &error))?,
        );
    }
    Ok(())
}

/// What the programs about paths must know of the running kernel.
struct LsmGlobals {
    rename_lock: u64,
    backing_mode: u32,
}

impl LsmGlobals {
    fn find(types: &KernelTypes) -> Result<Self, LoadError> {
        if let Err(missing) = &types.lsm {
            return Err(LoadError::Lsm(missing.clone()));
        }
        Ok(Self {
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
    if let Ok(lsm) = &types.lsm {
        loader.override_global("LSM_OFFSETS", &lsm.offsets, true);
    }
    // Where they are not to be had, the programs that need them are not loaded.
    let globals = LsmGlobals::find(types).ok();
    if let Some(globals) = &globals {
        loader
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
        Program::Iter(program) => {
            let mut iterators = ITERATORS.into_iter();
            let (_, of) = iterators
                .find(|(program, _)| *program == name)
                .ok_or(LoadError::Absent(name))?;
            program.load(of, attach_types)
        }
        Program::Lsm(program) => {
            let hook = hook_of(name).ok_or(LoadError::Absent(name))?;
            program.load(hook, attach_types)
        }
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

pub(super) fn refused(name: &'static str, error: &ProgramError) -> LoadError {
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
