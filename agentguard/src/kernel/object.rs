//! The eBPF object: loaded, with the kernel's offsets in it.

use std::time::Instant;

use agentguard_common::identity::Offsets;
use aya::{
    Btf, Ebpf, EbpfError, EbpfLoader, VerifierLogLevel,
    programs::{
        BtfTracePoint, CgroupSkb, CgroupSock, CgroupSockAddr, ProgramError,
        tp_btf::BtfTracePointLink,
    },
};

use super::btf::{self, BtfError};

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
pub const TRACEPOINTS: [&str; 2] = ["cgroup_mkdir", "cgroup_release"];

/// Why the programs could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The kernel's types cannot be used.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// aya could not read the kernel's types.
    #[error("cannot read the kernel's type information: {0}")]
    KernelBtf(#[from] aya::BtfError),
    /// The maps could not be made.
    #[error(
        "cannot create agentguard's tables in the kernel: {0}; `agentguard doctor` says what this host lacks"
    )]
    Object(#[source] Box<EbpfError>),
    /// The object lacks a program or a map.
    #[error("the eBPF object has no `{0}`: it does not belong to this binary")]
    Absent(&'static str),
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
}

/// Loads the object and its programs, and attaches the tracepoints: from here on, whatever is made
/// in a tagged cgroup is tagged.
pub fn load(sizes: Sizes) -> Result<(Ebpf, Vec<BtfTracePointLink>), LoadError> {
    let offsets = btf::offsets()?;
    let kernel_btf = Btf::from_sys_fs()?;
    let mut ebpf = create(&offsets, sizes, VerifierLogLevel::DISABLE)?;
    if load_programs(&mut ebpf, &kernel_btf).is_err() {
        // The log is asked for only when it is needed: it makes loading slower.
        ebpf = create(
            &offsets,
            sizes,
            VerifierLogLevel::VERBOSE | VerifierLogLevel::STATS,
        )?;
        load_programs(&mut ebpf, &kernel_btf)?;
    }
    let mut links = Vec::with_capacity(TRACEPOINTS.len());
    for name in TRACEPOINTS {
        let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
        let id = program.attach().map_err(|error| refused(name, &error))?;
        links.push(
            program
                .take_link(id)
                .map_err(|error| refused(name, &error))?,
        );
    }
    Ok((ebpf, links))
}

fn create(offsets: &Offsets, sizes: Sizes, level: VerifierLogLevel) -> Result<Ebpf, LoadError> {
    EbpfLoader::new()
        .override_global("OFFSETS", offsets, true)
        .map_max_entries("TAGS", sizes.max_cgroups)
        .verifier_log_level(level)
        .load(OBJECT)
        .map_err(|error| LoadError::Object(Box::new(error)))
}

fn load_programs(ebpf: &mut Ebpf, kernel_btf: &Btf) -> Result<(), LoadError> {
    for name in TRACEPOINTS {
        timed(name, || {
            program::<BtfTracePoint>(ebpf, name).map(|it| it.load(name, kernel_btf))
        })?;
    }
    for name in SOCK_ADDR_PROGRAMS {
        timed(name, || {
            program::<CgroupSockAddr>(ebpf, name).map(CgroupSockAddr::load)
        })?;
    }
    timed(SOCK_PROGRAM, || {
        program::<CgroupSock>(ebpf, SOCK_PROGRAM).map(CgroupSock::load)
    })?;
    timed(EGRESS_PROGRAM, || {
        program::<CgroupSkb>(ebpf, EGRESS_PROGRAM).map(CgroupSkb::load)
    })
}

/// Loads one program, and says how long the verifier took.
fn timed(
    name: &'static str,
    load: impl FnOnce() -> Result<Result<(), ProgramError>, LoadError>,
) -> Result<(), LoadError> {
    let start = Instant::now();
    let loaded = load()?.map_err(|error| refused(name, &error));
    tracing::debug!("program {name}: {:?}", start.elapsed());
    loaded
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
