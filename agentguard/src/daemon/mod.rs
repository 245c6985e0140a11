//! The daemon: from scopes to enforcement, and from refusals to the log.
//!
//! It prepares everything that can fail without touching the kernel first: an invalid scope, a
//! second daemon or an unsuitable host changes nothing.

mod agents;
mod attend;
mod backend;
mod descriptors;
pub mod directory;
mod error;
mod explain;
mod files;
mod guard;
mod housekeeping;
mod lock;
pub(crate) mod memory;
pub mod names;
mod notify;
mod reload;
mod start;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aya::Ebpf;

pub use self::error::{ApplyError, DaemonError};
use self::{
    attend::Signals,
    backend::LastLoad,
    directory::Directory,
    guard::Guard,
    lock::RunLock,
    names::{Asked, Recording, Service},
    start::{load_scopes, make_directory, preflight, sizes, suffices, with_orphans},
    watch::Watch,
};
use crate::{
    cli::daemon::DaemonArgs,
    control::socket::ControlSocket,
    events::ring::{EventThread, Reader},
    identity::{cgroup_path::CgroupPaths, systemd},
    kernel::{
        cgroup2,
        files::{self as host_files, FileSupport},
        host_tables::KernelHostTables,
        lsm::Lsm,
        object, probe,
        protection::Protection,
        tables::{self, Tables},
        types,
    },
    log::{Clock, DaemonEvent, LogCounters, LogFile, LogHandle},
    mounts::Keeper,
    policy::Snapshot,
    text::counted,
};

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
    /// Held by who loads scopes.
    loading: Mutex<()>,
    last_load: Mutex<Option<LastLoad>>,
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
    // First: what changes while it is read, and until somebody watches, is a change.
    let seen = Snapshot::take(&args.agents);
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
        loading: Mutex::new(()),
        last_load: Mutex::new(None),
        args,
    });
    let enforcing = format!("enforcing {}", counted(agents.into(), "agent"));
    eprintln!("agentguard: {enforcing}");
    log.daemon(DaemonEvent::Start, enforcing, agents);
    notify::ready();
    let watch = watch(&daemon, seen);
    let served = daemon.attend(socket, signals).await;
    drop(watch);
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

/// Watches the files of the scopes, unless that is not wanted. Without a thread for it agents are confined
/// all the same, and who asks for a reload gets one.
fn watch(daemon: &Arc<Daemon>, seen: Snapshot) -> Option<Watch> {
    if daemon.args.no_watch {
        return None;
    }
    Watch::start(Arc::clone(daemon), seen)
        .inspect_err(|error| tracing::error!("cannot watch the files of the scopes: {error}"))
        .ok()
}

/// Tells the programs where superblocks are, for as long as the daemon runs. Without security hooks
/// none of them asks.
pub(super) fn keep_mounts(ebpf: &mut Ebpf, has_lsm: bool) -> Result<Option<Keeper>, DaemonError> {
    if !has_lsm {
        return Ok(None);
    }
    Ok(Some(Keeper::start(KernelHostTables::take(ebpf)?)?))
}

impl Daemon {
    fn guard(&self) -> MutexGuard<'_, Option<Guard>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
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
}
