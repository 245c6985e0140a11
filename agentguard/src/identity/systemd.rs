//! Instances as transient scopes of systemd.
//!
//! On a host that systemd runs, cgroups are systemd's: a process that is moved behind its back can
//! be moved back. So systemd is asked, over D-Bus, to make a scope with the process in it. Nothing else
//! needs D-Bus: a daemon that cannot reach it enforces all the same.

use std::{fs, path::Path, time::Duration};

use futures_lite::StreamExt;
use tokio::time::Instant;
use zbus::{
    Connection,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

/// The slice that holds every instance.
pub const SLICE: &str = "agentguard.slice";

/// The daemon's own unit.
const DAEMON: &str = "agentguard.service";

/// How long it may take to reach systemd and to have one job done. Less than a request of the control
/// API may take.
const TIME: Duration = Duration::from_secs(9);

/// Why systemd did not make the scope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemdError {
    /// The system bus cannot be reached.
    #[error("cannot reach systemd on the system bus: {0}; is dbus running?")]
    Connect(Box<zbus::Error>),
    /// The system bus does not answer.
    #[error("systemd does not answer on the system bus; is dbus running?")]
    Silent,
    /// systemd refused at once.
    #[error("systemd refuses to start {unit}: {source}")]
    Refused {
        /// The unit.
        unit: String,
        /// What it says.
        source: Box<zbus::Error>,
    },
    /// systemd tried, and failed.
    #[error("systemd could not start {unit}: {result}; see `systemctl status {unit}`")]
    Failed {
        /// The unit.
        unit: String,
        /// How the job ended: `failed`, `timeout`, `canceled`, `dependency` or `skipped`.
        result: String,
    },
    /// systemd did not say how it ended.
    #[error("systemd did not say within 9 s whether it started {unit}")]
    NoAnswer {
        /// The unit.
        unit: String,
    },
}

/// Whether systemd runs this host (`sd_booted(3)`).
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether it prepares services by a program of its own, as from version 255 on. It does if that cannot be told.
pub fn has_executor() -> bool {
    is_running()
        && fs::read_link("/proc/1/exe").map_or(true, |program| {
            program.with_file_name("systemd-executor").exists()
        })
}

/// The scope of a new instance: planned first, so that its cgroup can be declared to the kernel
/// before it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopePlan {
    agent: String,
    unit: String,
}

impl ScopePlan {
    /// The scope of the agent's instance number `id`, which must not have been used for it since
    /// the host booted.
    pub fn new(agent: &str, id: u64) -> Self {
        Self {
            agent: agent.to_owned(),
            unit: format!("agentguard-{agent}-{id}.scope"),
        }
    }

    /// The unit's name.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The path of its cgroup, as `/proc/PID/cgroup` has it.
    pub fn cgroup(&self) -> String {
        format!("/{SLICE}/{}", self.unit)
    }
}

/// systemd's manager. The proxy's methods are those of `org.freedesktop.systemd1(5)`.
#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1",
    gen_blocking = false
)]
trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;

    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, Value<'_>)],
        auxiliary: &[(&str, Vec<(&str, OwnedValue)>)],
    ) -> zbus::Result<OwnedObjectPath>;

    #[zbus(signal)]
    fn job_removed(
        &self,
        id: u32,
        job: OwnedObjectPath,
        unit: String,
        result: String,
    ) -> zbus::Result<()>;
}

/// A connection to systemd. One for each scope: a connection that is kept is of no use any more
/// when the bus was started again.
#[derive(Debug)]
pub struct Systemd {
    connection: Connection,
    deadline: Instant,
}

impl Systemd {
    /// Connects by the system bus.
    pub async fn connect() -> Result<Self, SystemdError> {
        let deadline = Instant::now() + TIME;
        let connection = async {
            let connection = Connection::system().await.map_err(bus_error)?;
            Self::over(connection, deadline).await
        };
        // A bus that is activated by its socket can take connections without ever answering.
        tokio::time::timeout_at(deadline, connection)
            .await
            .unwrap_or(Err(SystemdError::Silent))
    }

    async fn over(connection: Connection, deadline: Instant) -> Result<Self, SystemdError> {
        // Without a subscriber systemd sends no signals.
        let manager = ManagerProxy::new(&connection).await.map_err(bus_error)?;
        manager.subscribe().await.map_err(bus_error)?;
        Ok(Self {
            connection,
            deadline,
        })
    }

    /// Starts the scope with the process in it. When this returns, the process is there.
    ///
    /// systemd takes a pid: the caller must have made sure that the process is still the one it
    /// means, and must look afterwards, by a pidfd, whether it was.
    pub async fn start(&self, plan: &ScopePlan, pid: u32) -> Result<(), SystemdError> {
        let properties = [
            ("PIDs", Value::from(vec![pid])),
            ("Slice", Value::from(SLICE)),
            (
                "Description",
                Value::from(format!("Agent {} (agentguard)", plan.agent)),
            ),
            // When the host goes down, agents end before what confines them does.
            ("After", Value::from(vec![DAEMON])),
            // A scope that failed is forgotten like one that ended well.
            ("CollectMode", Value::from("inactive-or-failed")),
        ];
        self.job(&plan.unit, async |manager| {
            manager
                .start_transient_unit(&plan.unit, "fail", &properties, &[])
                .await
        })
        .await
    }

    /// Enqueues a job and waits until it is done.
    async fn job(
        &self,
        unit: &str,
        enqueue: impl AsyncFnOnce(&ManagerProxy<'_>) -> zbus::Result<OwnedObjectPath>,
    ) -> Result<(), SystemdError> {
        let refused = |source| SystemdError::Refused {
            unit: unit.to_owned(),
            source: Box::new(source),
        };
        let work = async {
            let manager = ManagerProxy::new(&self.connection).await.map_err(refused)?;
            // First: the job can be done before its name is here.
            let mut removed = manager.receive_job_removed().await.map_err(refused)?;
            let job = enqueue(&manager).await.map_err(refused)?;
            while let Some(signal) = removed.next().await {
                let signal = signal.args().map_err(refused)?;
                if signal.job != job {
                    continue;
                }
                return if signal.result == "done" {
                    Ok(())
                } else {
                    Err(SystemdError::Failed {
                        unit: unit.to_owned(),
                        result: signal.result,
                    })
                };
            }
            Err(SystemdError::NoAnswer {
                unit: unit.to_owned(),
            })
        };
        tokio::time::timeout_at(self.deadline, work)
            .await
            .unwrap_or_else(|_| {
                Err(SystemdError::NoAnswer {
                    unit: unit.to_owned(),
                })
            })
    }
}

fn bus_error(error: zbus::Error) -> SystemdError {
    SystemdError::Connect(Box::new(error))
}

#[cfg(test)]
mod tests;
