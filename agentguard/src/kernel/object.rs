//! The eBPF object: loaded, with the kernel's offsets in it.

use aya::{
    Ebpf,
    programs::{BtfTracePoint, Lsm, ProgramError, lsm::LsmLink, tp_btf::BtfTracePointLink},
};

use super::{
    hooks::{
        EXEC_TRACEPOINT, FILE_HOOKS, GUARD_HOOKS, Hook, SELF_TEST_PROGRAM, SOCKET_HOOKS,
        TASK_PROGRAM, TRACEPOINTS,
    },
    load_error::{LoadError, refused},
    loading::{LsmGlobals, explain, load_programs, load_some},
    self_test,
    types::{self, KernelTypes},
};

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

/// A program of the object.
pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, LoadError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .and_then(|program| program.try_into().ok())
        .ok_or(LoadError::Absent(name))
}
