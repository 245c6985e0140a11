//! What the control API asks of the daemon.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::unix::fs::MetadataExt,
    sync::Arc,
};

use super::{
    Daemon, DaemonError,
    explain::{explain_learned, learned_names},
    files,
    guard::Guard,
    housekeeping::mend,
    reload::error_lines,
};
use crate::{
    control::{
        api::{
            AgentStatus, ApiError, EnterQuery, Entered, ErrorCode, ExplainPathQuery, ExplainQuery,
            FileConfinement, LastReload, LogStatus, Mode, ReloadReport, Status,
        },
        backend::Backend,
        peer::Peer,
    },
    dns,
    identity::{
        instance,
        systemd::{ScopePlan, Systemd},
    },
    kernel::{
        cgroup2,
        tables::{TableError, Tables},
    },
    mounts::MountedHost,
    policy::{self, Compiled, Explanation, PathTarget, Scope, Target, compile, explain_path},
};

/// How the last load of the scopes ended.
#[derive(Debug)]
pub(super) struct LastLoad {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Why it failed, if it did.
    pub errors: Vec<String>,
}

impl Backend for Daemon {
    type Explanation = Explanation;

    fn status(&self) -> Status {
        // The lock is held for milliseconds at a time, by a reload of many agents for longer.
        tokio::task::block_in_place(|| self.describe())
    }

    fn agent(&self, name: &str) -> Option<AgentStatus> {
        let status = self.status();
        let mut agent = status.agents.into_iter().find(|agent| agent.name == name)?;
        agent.names = self
            .resolver_of(name)
            .map(|resolver| learned_names(&resolver.known(), self.clock.boot_ns()));
        Some(agent)
    }

    fn is_tagged(&self, peer: &Peer) -> io::Result<bool> {
        tokio::task::block_in_place(|| {
            let cgroup = instance::cgroup_of(peer.pid())?;
            match self.guard().as_ref() {
                Some(guard) => guard.is_agents(&cgroup),
                None => Ok(true),
            }
        })
    }

    async fn reload(self: Arc<Self>) -> Result<ReloadReport, ApiError> {
        blocking(move || match self.load() {
            Ok(applied) => Ok(ReloadReport {
                agents: self.guard().as_ref().map_or(0, |it| it.agents.declared()),
                added: applied.added,
                changed: applied.changed,
                removed: applied.removed,
            }),
            Err(error @ DaemonError::Scopes(_)) => {
                Err(ApiError::invalid_scopes(error_lines(&error)))
            }
            Err(error @ DaemonError::Lacking(_)) => Err(ApiError::lacking(error_lines(&error))),
            Err(error) => Err(failed(error)),
        })
        .await
    }

    async fn enter(
        self: Arc<Self>,
        agent: String,
        query: EnterQuery,
        peer: Arc<Peer>,
    ) -> Result<Entered, ApiError> {
        if self.scopes {
            return self.enter_scope(&agent, query, &peer).await;
        }
        blocking(move || self.enter_cgroup(&agent, query, &peer)).await
    }

    async fn explain(self: Arc<Self>, query: ExplainQuery) -> Result<Explanation, ApiError> {
        let protocol = query.protocol.into();
        let target = Target::parse(&query.to, protocol)
            .map_err(|error| ApiError::new(ErrorCode::InvalidRequest, error.to_string()))?;
        let (scope, compiled) = tokio::task::block_in_place(|| self.compiled(&query.agent))?;
        let agent = self.resolver_of(&query.agent);
        explain_learned(&scope, &compiled, &target, protocol, agent.as_deref()).await
    }

    async fn explain_path(
        self: Arc<Self>,
        query: ExplainPathQuery,
    ) -> Result<Explanation, ApiError> {
        // What is at the path may be on a file system that does not answer.
        blocking(move || {
            let host = MountedHost::read().map_err(failed)?;
            let target = PathTarget::parse(&query.path, query.access.into(), &host)
                .map_err(|error| ApiError::new(ErrorCode::InvalidRequest, error.to_string()))?;
            let (scope, compiled) = self.compiled(&query.agent)?;
            Ok(explain_path(&scope, &compiled, &target))
        })
        .await
    }
}

impl Daemon {
    fn describe(&self) -> Status {
        let counters = self.log.counters();
        let mut guard = self.guard();
        let (agents, attach_points) = guard.as_mut().map_or_else(Default::default, |guard| {
            (self.agents(guard), guard.attach_points())
        });
        let count = |read: fn(&Tables) -> Result<u64, TableError>| {
            let tables = guard.as_ref().map(|guard| &guard.tables);
            tables.map_or(Ok(0), read).unwrap_or_else(|error| {
                tracing::error!("{error}");
                0
            })
        };
        let last = self.last_load();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.started.clone(),
            kernel: self.kernel.clone(),
            agents,
            attach_points,
            untagged: count(Tables::untagged),
            unconfined: count(Tables::lost),
            log: LogStatus {
                path: self.args.log.clone(),
                written: counters.written,
                unwritten: counters.unwritten,
                queued: counters.queued,
            },
            protections: self.protections.clone(),
            last_reload: last.as_ref().map(|last| LastReload {
                time: last.time.clone(),
                ok: last.errors.is_empty(),
                errors: last.errors.clone(),
            }),
        }
    }

    /// The scope in force of an agent, compiled: only the kernel keeps the tables.
    fn compiled(&self, agent: &str) -> Result<(Arc<Scope>, Compiled), ApiError> {
        let scope = self
            .guard()
            .as_ref()
            .and_then(|guard| guard.agents.get(agent))
            .map(|agent| Arc::clone(&agent.scope))
            .ok_or_else(|| ApiError::unknown_agent(agent))?;
        let compiled = compile(&scope).map_err(failed)?;
        Ok((scope, compiled))
    }

    /// What resolves names for an agent, if it has rules by name.
    fn resolver_of(&self, name: &str) -> Option<Arc<dns::Agent>> {
        let guard = self.guard();
        let guard = guard.as_ref()?;
        guard.resolver_of(guard.agents.get(name)?.slot)
    }

    fn agents(&self, guard: &mut Guard) -> Vec<AgentStatus> {
        let instances = guard.count_instances().unwrap_or_else(|error| {
            tracing::error!("{error}");
            BTreeMap::default()
        });
        let tags = guard.tags().unwrap_or_else(|error| {
            tracing::error!("{error}");
            Vec::new()
        });
        let mut cgroups: HashMap<u32, u64> = HashMap::new();
        for (_, tag) in tags {
            *cgroups.entry(tag.agent).or_default() += 1;
        }
        guard
            .agents
            .iter()
            .filter(|agent| !agent.retired || cgroups.contains_key(&agent.slot))
            .map(|agent| AgentStatus {
                name: agent.scope.agent.name.clone(),
                owner: agent.scope.agent.owner.clone(),
                mode: match agent.scope.agent.mode {
                    policy::Mode::Enforce => Mode::Enforce,
                    policy::Mode::Observe => Mode::Observe,
                },
                file: agent.scope.file.clone(),
                rules: u32::try_from(agent.scope.rules.len()).unwrap_or(u32::MAX),
                policy: agent.version,
                instances: instances.get(&agent.slot).copied().unwrap_or_default(),
                cgroups: cgroups.get(&agent.slot).copied().unwrap_or_default(),
                counters: guard
                    .tables
                    .counters(agent.slot)
                    .inspect_err(|error| tracing::error!("{error}"))
                    .unwrap_or_default()
                    .with(self.asked.counters(agent.slot))
                    .into(),
                files: files::protection(&agent.scope, &self.support),
                names: None,
                retired: agent.retired,
            })
            .collect()
    }

    /// The slot of an agent that may have new instances, and what holds those to its rules for files.
    fn admit(
        &self,
        agent: &str,
        query: EnterQuery,
    ) -> Result<(u32, Option<FileConfinement>), ApiError> {
        let guard = self.guard();
        let agent = guard
            .as_ref()
            .and_then(|guard| guard.agents.get(agent))
            .filter(|agent| !agent.retired)
            .ok_or_else(|| ApiError::unknown_agent(agent))?;
        let files = files::confinement(&agent.scope, &self.support, query.landlock)?;
        Ok((agent.slot, files))
    }

    fn enter_cgroup(
        &self,
        agent: &str,
        query: EnterQuery,
        peer: &Peer,
    ) -> Result<Entered, ApiError> {
        let (slot, files) = self.admit(agent, query)?;
        let cgroups = cgroup2::find().map_err(failed)?;
        let made = match self.guard().as_mut() {
            Some(guard) => {
                // The programs must be there before the process is.
                mend(guard).map_err(failed)?;
                guard.create_instance(slot, agent).map_err(failed)?
            }
            None => return Err(failed("the daemon is stopping")),
        };
        // Not under the lock: the kernel may let this wait for all processes.
        let moved = instance::enter(&cgroups, &made.path, peer.pid())
            .and_then(|()| confirm(peer, &made.path));
        let noted = self.entered(&made.path);
        if let Err(error) = moved {
            instance::remove_tree(&cgroups.directory(&made.path));
            return Err(failed(format!(
                "cannot move process {}: {error}",
                peer.pid()
            )));
        }
        noted?;
        self.answer(slot, peer)?;
        Ok(Entered {
            agent: agent.to_owned(),
            instance: made.id.to_string(),
            cgroup: made.path,
            files,
        })
    }

    async fn enter_scope(
        &self,
        agent: &str,
        query: EnterQuery,
        peer: &Peer,
    ) -> Result<Entered, ApiError> {
        let (slot, files) = self.admit(agent, query)?;
        // Units of one name may follow each other; the clock tells them apart.
        let plan = ScopePlan::new(agent, self.clock.boot_ns());
        let path = plan.cgroup();
        if let Some(guard) = self.guard().as_ref() {
            guard.has_room().map_err(failed)?;
        }
        self.declare(&path, Some(slot))?;
        let pid = u32::try_from(peer.pid()).map_err(failed)?;
        if let Some(guard) = self.guard().as_mut() {
            guard.entering(&path);
        }
        let started = match Systemd::connect().await {
            Ok(systemd) => systemd.start(&plan, pid).await,
            Err(error) => Err(error),
        };
        let noted = self.entered(&path);
        self.declare(&path, None)?;
        started.map_err(failed)?;
        noted?;
        confirm(peer, &path).map_err(failed)?;
        let cgroups = cgroup2::find().map_err(failed)?;
        let id = std::fs::metadata(cgroups.directory(&path))
            .map_err(failed)?
            .ino();
        let tagged = match self.guard().as_mut() {
            Some(guard) => {
                // The slice may have been stopped and started since the programs were attached. The
                // command does not run before this is answered.
                mend(guard).map_err(failed)?;
                guard.is_agents(&path).map_err(failed)?
            }
            None => false,
        };
        if !tagged {
            return Err(failed(format!("the cgroup {path} was not tagged")));
        }
        self.answer(slot, peer)?;
        Ok(Entered {
            agent: agent.to_owned(),
            instance: id.to_string(),
            cgroup: path,
            files,
        })
    }

    /// Answers the agent's questions for names where this process is.
    fn answer(&self, slot: u32, peer: &Peer) -> Result<(), ApiError> {
        let pid = u32::try_from(peer.pid()).map_err(failed)?;
        match self.guard().as_ref() {
            Some(guard) => guard.answer(slot, pid).map_err(failed),
            None => Err(failed("the daemon is stopping")),
        }
    }

    fn entered(&self, path: &str) -> Result<(), ApiError> {
        match self.guard().as_mut() {
            Some(guard) => guard.entered(path).map_err(failed),
            None => Err(failed("the daemon is stopping")),
        }
    }

    fn declare(&self, path: &str, slot: Option<u32>) -> Result<(), ApiError> {
        let mut guard = self.guard();
        let Some(guard) = guard.as_mut() else {
            return Err(failed("the daemon is stopping"));
        };
        match slot {
            Some(slot) => guard.tables.declare_path(path, slot),
            None => guard.tables.withdraw_path(path),
        }
        .map_err(failed)
    }
}

/// Whether the process is where it was put, and is still the one that asked.
fn confirm(peer: &Peer, path: &str) -> io::Result<()> {
    let cgroup = instance::cgroup_of(peer.pid())?;
    if cgroup != path {
        return Err(io::Error::other(format!(
            "it is in {cgroup}, not in {path}"
        )));
    }
    if !peer.is_alive()? {
        return Err(io::Error::other("it is gone"));
    }
    Ok(())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is given to `map_err` by name"
)]
fn failed(error: impl ToString) -> ApiError {
    ApiError::new(ErrorCode::Failed, error.to_string())
}

/// Runs what may wait for the kernel or the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(failed(error)))
}
