//! The object is created with what the programs must know of the running kernel, and its programs are loaded.

use std::{thread, time::Instant};

use aya::{Btf, Ebpf, EbpfLoader, VerifierLogLevel, programs::Program};

use super::{
    hooks::{ITERATORS, hook_of},
    load_error::{LoadError, refused},
    object::Sizes,
    probe, symbols,
    types::KernelTypes,
};

/// The compiled programs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AGENTGUARD_EBPF_OBJECT"));

/// What the programs about paths must know of the running kernel.
pub(super) struct LsmGlobals {
    rename_lock: u64,
    backing_mode: u32,
}

impl LsmGlobals {
    pub(super) fn find(types: &KernelTypes) -> Result<Self, LoadError> {
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
pub(super) fn load_some(
    types: &KernelTypes,
    sizes: Sizes,
    names: &[&'static str],
) -> Result<Ebpf, LoadError> {
    let attach_types = types.attach_types()?;
    let mut ebpf = create(types, sizes, VerifierLogLevel::DISABLE)?;
    match load_programs(&mut ebpf, names, &attach_types) {
        Ok(()) => Ok(ebpf),
        Err(error) => Err(explain(error, types, sizes)),
    }
}

/// The error with the verifier's log, which is asked for only when it is needed: it makes loading slower.
pub(super) fn explain(error: LoadError, types: &KernelTypes, sizes: Sizes) -> LoadError {
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
pub(super) fn load_programs(
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
