//! The daemon: from scopes to enforcement, and from refusals to the log.
//!
//! It prepares everything that can fail without touching the kernel first: an invalid scope, a
//! second daemon or an unsuitable host changes nothing.

mod agents;
mod backend;
mod descriptors;
pub mod directory;
mod error;
mod explain;
mod files;
mod guard;
mod lock;
pub(crate) mod memory;
pub mod names;
mod notify;

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aya::Ebpf;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

pub use self::error::{ApplyError, DaemonError};
use self::{
    backend::LastLoad,
    directory::Directory,
    guard::{Applied, Guard},
    lock::RunLock,
    names::{Asked, Recording, Service},
};
use crate::{
    cli::daemon::DaemonArgs,
    control::{limits::Limits, server, socket::ControlSocket},
    events::ring::{EventThread, Reader},
    identity::{cgroup_path::CgroupPaths, systemd},
    kernel::{
        btf::BtfError,
        cgroup2,
        files::{self as host_files, FileSupport},
        host_tables::KernelHostTables,
        lsm::Lsm,
        object::{self, Sizes},
        probe,
        protection::Protection,
        tables::{self, Tables},
        types::{self, KernelTypes},
    },
    log::{Clock, DaemonEvent, LogCounters, LogFile, LogHandle},
    mounts::{Keeper, MountedHost},
    policy::{PolicyError, Scope, load_dir},
    text::counted,
};

/// How often counters are reported, empty instances removed and attach points looked after.
const TICK: Duration = Duration::from_secs(1);

/// The running daemon.
struct Daemon {
    args: DaemonArgs,
    started: String,
    kernel: String,
    protections: Vec<Protection>,
    support: FileSupport,
    guard: Mutex<Option<Guard>>,
    log: LogHandle,
    clock: Clock,
    /// What the resolver has refused.
    asked: Arc<Asked>,
    /// Whether instances are systemd's scopes.
    scopes: bool,
    last_load: Mutex<Option<LastLoad>>,
}

/// The signals that the daemon answers to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes them over. Before anybody is told that we run: the default of each would end us.
    fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Runs the daemon until it is told to stop.
pub fn run(args: DaemonArgs) -> Result<(), DaemonError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(serve(args))
}

async fn serve(args: DaemonArgs) -> Result<(), DaemonError> {
    let scopes = load_scopes(&args.agents)?;
    let cgroups = cgroup2::find()?;
    memory::prepare();
    descriptors::raise_limit();
    let types = types::read();
    let mut protections = preflight(&types)?;
    let types = types.map_err(|error| DaemonError::Unsuitable(error.to_string()))?;
    let support = host_files::probe(&types);
    suffices(&support, &scopes)?;
    protections.extend(support.protections());
    let has_lsm = matches!(support.lsm, Lsm::Active { .. });
    make_directory(&args.run_dir)?;
    let lock = RunLock::take(&args.run_dir.join("daemon.lock"))?;
    let clock = Clock::new()?;
    let file = LogFile::open(&args.log)?;
    let managed = systemd::is_running();
    let own = if managed {
        format!("/{}", systemd::SLICE)
    } else {
        format!("/{}", args.cgroup)
    };
    // Two daemons with one cgroup would take each other's instances away.
    let own_lock = RunLock::take_directory(&cgroups.directory(&own))?;
    let signals = Signals::take()?;
    let mut loaded = object::load(types, sizes(&args), has_lsm)?;
    let tables = Tables::take(&mut loaded.ebpf)?;
    let keeper = keep_mounts(&mut loaded.ebpf, has_lsm)?;
    let ring = tables::take_events(&mut loaded.ebpf)?;
    let directory = Arc::new(Directory::default());
    let paths = CgroupPaths::new(cgroups.clone())?;
    let (log, log_thread) = crate::log::spawn(file, clock)?;
    let recording = Recording {
        directory: Arc::clone(&directory),
        paths: CgroupPaths::new(cgroups.clone())?,
        clock,
        log: log.clone(),
    };
    let source = args.upstream();
    let resolver = Service::start(&mut loaded.ebpf, recording, source, &args.run_dir)?;
    let mut guard = Guard::new(
        cgroups,
        own,
        loaded,
        tables,
        Arc::clone(&directory),
        Arc::clone(&resolver.names),
        args.max_instances,
    )?;
    let all = with_orphans(&guard, scopes)?;
    let socket = ControlSocket::bind(&args.run_dir.join("agentguard.sock"))?;
    let events = EventThread::start(
        ring,
        Reader {
            directory,
            paths,
            known: Arc::clone(&resolver.known),
            clock,
            log: log.clone(),
        },
    )?;
    // From here on events can come, and somebody reads them.
    if let Err(error) = guard.apply(all) {
        guard.stand_down();
        events.stop();
        let _ = log_thread.close();
        return Err(error.into());
    }
    let agents = guard.agents.declared();
    memory::give_back();
    let daemon = Arc::new(Daemon {
        started: clock.wall(clock.boot_ns()),
        kernel: probe::kernel_release().unwrap_or_default(),
        protections,
        support,
        guard: Mutex::new(Some(guard)),
        log: log.clone(),
        clock,
        scopes: managed,
        asked: Arc::clone(&resolver.asked),
        last_load: Mutex::new(None),
        args,
    });
    let enforcing = format!("enforcing {}", counted(agents.into(), "agent"));
    eprintln!("agentguard: {enforcing}");
    log.daemon(DaemonEvent::Start, enforcing, agents);
    notify::ready();
    let served = daemon.attend(socket, signals).await;

    daemon.finish(events);
    resolver.stop();
    keeper.into_iter().for_each(Keeper::stop);
    let LogCounters { unwritten, .. } = log_thread.close();
    if unwritten != 0 {
        tracing::error!("{unwritten} refusals are not in the violation log");
    }
    drop((lock, own_lock));
    served
}

/// How many cgroups and instances the tables are made for.
fn sizes(args: &DaemonArgs) -> Sizes {
    Sizes {
        max_cgroups: args.max_cgroups,
        max_instances: args.max_instances + args.max_declared,
    }
}

/// The scopes, and one that allows nothing for each agent that still runs and has none.
fn with_orphans(guard: &Guard, scopes: Vec<Scope>) -> io::Result<Vec<Scope>> {
    let mut all = guard.orphans(&scopes)?;
    for orphan in &all {
        tracing::warn!(
            "agent '{}' has processes and no scope: it may reach nothing",
            orphan.agent.name
        );
    }
    all.extend(scopes);
    Ok(all)
}

/// Reads the scopes of a directory, whose paths are those of this host.
fn load_scopes(directory: &Path) -> Result<Vec<Scope>, DaemonError> {
    load_dir(directory, &MountedHost::read()?).map_err(DaemonError::Scopes)
}

/// Tells the programs where superblocks are, for as long as the daemon runs. Without security hooks
/// none of them asks.
fn keep_mounts(ebpf: &mut Ebpf, has_lsm: bool) -> Result<Option<Keeper>, DaemonError> {
    if !has_lsm {
        return Ok(None);
    }
    Ok(Some(Keeper::start(KernelHostTables::take(ebpf)?)?))
}

/// What this host has, or the first thing that it lacks and that we need.
fn preflight(types: &Result<KernelTypes, BtfError>) -> Result<Vec<Protection>, DaemonError> {
    let protections = probe::needed(types);
    if let Some(missing) = probe::missing(&protections).next() {
        let remedy = missing.remedy.iter().map(|remedy| format!("; {remedy}"));
        return Err(DaemonError::Unsuitable(format!(
            "{}: {}{}; `agentguard doctor` lists all",
            missing.name,
            missing.detail,
            remedy.collect::<String>()
        )));
    }
    Ok(protections)
}

/// Whether this host has what the scopes require.
fn suffices(support: &FileSupport, scopes: &[Scope]) -> Result<(), DaemonError> {
    let lacking = files::lacking(scopes, support);
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(DaemonError::Lacking(lacking))
    }
}

impl Daemon {
    fn guard(&self) -> MutexGuard<'_, Option<Guard>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves the control socket, signals and the clock until SIGTERM or SIGINT.
    async fn attend(
        self: &Arc<Self>,
        socket: ControlSocket,
        signals: Signals,
    ) -> Result<(), DaemonError> {
        let Signals {
            mut terminate,
            mut interrupt,
            mut hangup,
        } = signals;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (stop, stopped) = oneshot::channel::<()>();
        let backend = Arc::clone(self);
        let server = tokio::spawn(server::serve(socket, backend, Limits::default(), async {
            let _ = stopped.await;
        }));
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    self.log.reopen();
                    notify::reloading();
                    let daemon = Arc::clone(self);
                    let done = tokio::task::spawn_blocking(move || daemon.load()).await;
                    if let Ok(Err(error)) = done {
                        tracing::error!("nothing was reloaded: {error}");
                    }
                    notify::ready();
                }
                _ = tick.tick() => {
                    let daemon = Arc::clone(self);
                    if let Err(error) =
                        tokio::task::spawn_blocking(move || daemon.look_after()).await
                    {
                        tracing::error!("housekeeping: {error}");
                    }
                }
            }
        }
        drop(stop);
        match server.await {
            Ok(ended) => Ok(ended?),
            Err(error) => Err(DaemonError::Start(io::Error::other(error))),
        }
    }

    /// Stops enforcing, and tells the log the rest.
    fn finish(&self, events: EventThread) {
        notify::stopping();
        // First no new events, then those that are there, then what they could not say.
        let guard = self.guard().take();
        if let Some(mut guard) = guard {
            let agents = guard.agents.declared();
            if let Err(error) = guard.collect_instances() {
                tracing::warn!("cannot remove empty instances: {error}");
            }
            guard.stand_down();
            events.stop();
            self.report_growth(&mut guard);
            self.log
                .daemon(DaemonEvent::Stop, "no longer enforcing", agents);
        }
    }

    /// Loads the scopes again, all or nothing, and says in the log how it went.
    fn load(&self) -> Result<Applied, DaemonError> {
        let loaded = load_scopes(&self.args.agents)
            .and_then(|scopes| suffices(&self.support, &scopes).map(|()| scopes))
            .and_then(|scopes| match self.guard().as_mut() {
                Some(guard) => Ok((guard.apply(scopes)?, guard.agents.declared())),
                None => Ok((Applied::default(), 0)),
            });
        let errors = match &loaded {
            Ok((applied, agents)) => {
                let message = format!(
                    "{} added, {} changed, {} removed",
                    applied.added.len(),
                    applied.changed.len(),
                    applied.removed.len()
                );
                self.log.daemon(DaemonEvent::Reload, message, *agents);
                Vec::new()
            }
            Err(error) => {
                let agents = self.guard().as_ref().map_or(0, |it| it.agents.declared());
                self.log
                    .daemon(DaemonEvent::ReloadFailed, error.to_string(), agents);
                error_lines(error)
            }
        };
        *self
            .last_load
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(LastLoad {
            time: self.clock.wall(self.clock.boot_ns()),
            errors,
        });
        memory::give_back();
        loaded.map(|(applied, _)| applied)
    }

    fn look_after(&self) {
        let mut guard = self.guard();
        let Some(guard) = guard.as_mut() else {
            return;
        };
        self.report_growth(guard);
        if let Err(error) = guard.collect_instances() {
            tracing::warn!("cannot look for empty instances: {error}");
        }
        guard.tick_names(self.clock.boot_ns());
        if let Err(error) = mend(guard) {
            tracing::error!("the programs cannot be attached: {error}");
        }
        match guard.settle() {
            Ok(killed) => {
                for path in killed {
                    let message = format!("killed {path}: there was no room to confine it");
                    tracing::error!("{message}");
                    let agents = guard.agents.declared();
                    self.log.daemon(DaemonEvent::Kill, message, agents);
                }
            }
            Err(error) => tracing::error!("cannot tag cgroups that have no tag: {error}"),
        }
    }

    /// Tells the log what the kernel counted and has no record for.
    fn report_growth(&self, guard: &mut Guard) {
        for agent in guard.agents.iter_mut() {
            match guard.tables.counters(agent.slot) {
                Ok(counters) => {
                    let growth = agent.growth(counters.with(self.asked.counters(agent.slot)));
                    self.log.growth(&agent.scope.agent.name, growth);
                }
                Err(error) => tracing::error!("{error}"),
            }
        }
    }
}

/// Attaches the programs again where they were lost, and says so.
fn mend(guard: &mut Guard) -> Result<(), ApplyError> {
    let lost = guard.mend()?;
    if !lost.is_empty() {
        tracing::error!(
            "the programs were lost with {}, and are attached again: something removed a cgroup that guarded agents",
            lost.join(", ")
        );
    }
    Ok(())
}

/// One line an error.
fn error_lines(error: &DaemonError) -> Vec<String> {
    match error {
        DaemonError::Scopes(errors) => errors.iter().map(PolicyError::to_string).collect(),
        DaemonError::Lacking(errors) => errors.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

fn make_directory(path: &Path) -> Result<(), DaemonError> {
    fs::create_dir_all(path).map_err(|source| DaemonError::File {
        path: path.to_owned(),
        source,
    })
}
