//! A server of the control API with a backend that the tests steer.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::Duration,
};

use agentguard::{
    control::{
        api::{
            AgentStatus, ApiError, Counters, EnterQuery, Entered, ErrorCode, ExplainPathQuery,
            ExplainQuery, FileConfinement, LastReload, LogStatus, Mode, ReloadReport, Status,
        },
        backend::Backend,
        limits::Limits,
        peer::Peer,
        server,
        socket::ControlSocket,
    },
    kernel::cgroup2,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Where this process's instances are made, below the cgroup v2 mount; removed when dropped.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: String,
    directory: PathBuf,
    instances: AtomicU32,
}

impl Cgroup {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, SeqCst);
        let path = format!("/agentguard-test-{}-{number}", std::process::id());
        let directory = cgroup2::find().unwrap().directory(&path);
        fs::create_dir(&directory).expect("the test makes cgroups: run it as root");
        Self {
            path,
            directory,
            instances: AtomicU32::new(0),
        }
    }

    fn enter(&self, pid: i32) -> io::Result<(String, u32)> {
        let number = self.instances.fetch_add(1, SeqCst);
        let name = number.to_string();
        fs::create_dir(self.directory.join(&name))?;
        fs::write(
            self.directory.join(&name).join("cgroup.procs"),
            pid.to_string(),
        )?;
        Ok((format!("{}/{name}", self.path), number))
    }

    pub(crate) fn instances(&self) -> u32 {
        self.instances.load(SeqCst)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let below = (0..self.instances()).map(|number| self.directory.join(number.to_string()));
        for directory in below.chain([self.directory.clone()]) {
            let _ = fs::write(directory.join("cgroup.kill"), "1");
            // A cgroup can be removed once the processes that were killed are gone.
            let removed = (0..200).any(|_| {
                std::thread::sleep(Duration::from_millis(5));
                fs::remove_dir(&directory).is_ok() || !directory.exists()
            });
            assert!(
                removed || std::thread::panicking(),
                "{} is left",
                directory.display()
            );
        }
    }
}

/// A daemon without a kernel.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    /// Every peer belongs to an agent.
    pub(crate) tagged: AtomicBool,
    /// Whose a peer is cannot be told.
    pub(crate) confused: AtomicBool,
    /// Requests that reached the backend.
    pub(crate) asked: AtomicU32,
    /// How the last reload ended.
    pub(crate) last_reload: Mutex<Option<LastReload>>,
    /// How long a reload takes.
    pub(crate) reload_time: Mutex<Duration>,
    /// Reloads that came to their end.
    pub(crate) reloaded: AtomicU32,
    /// The errors of the scopes.
    pub(crate) errors: Mutex<Vec<String>>,
    /// Where `enter` makes instances; nowhere if `None`: it then answers without moving the peer.
    pub(crate) cgroup: Option<Cgroup>,
    /// What `enter` says about rules for files.
    pub(crate) files: Option<FileConfinement>,
    /// Number of agents.
    pub(crate) agents: usize,
}

impl Backend for Fake {
    type Explanation = serde_json::Value;

    fn status(&self) -> Status {
        self.asked.fetch_add(1, SeqCst);
        Status {
            version: "0.0.0".into(),
            pid: std::process::id(),
            started: "2026-11-22T10:00:00Z".into(),
            kernel: "6.12.0".into(),
            agents: (0..self.agents.max(1))
                .map(|number| agent(&format!("bot-{number}")))
                .collect(),
            attach_points: vec!["/agentguard".into()],
            untagged: 0,
            unconfined: 0,
            log: LogStatus {
                path: "/var/log/agentguard/violations.jsonl".into(),
                written: 3,
                unwritten: 0,
                queued: 0,
            },
            protections: Vec::new(),
            last_reload: self.last_reload.lock().unwrap().clone(),
        }
    }

    fn is_tagged(&self, _: &Peer) -> io::Result<bool> {
        if self.confused.load(SeqCst) {
            return Err(io::Error::other("no such map"));
        }
        Ok(self.tagged.load(SeqCst))
    }

    async fn reload(self: Arc<Self>) -> Result<ReloadReport, ApiError> {
        self.asked.fetch_add(1, SeqCst);
        let time = *self.reload_time.lock().unwrap();
        tokio::time::sleep(time).await;
        self.reloaded.fetch_add(1, SeqCst);
        let errors = self.errors.lock().unwrap().clone();
        if errors.is_empty() {
            Ok(ReloadReport {
                agents: 1,
                changed: vec!["bot-0".into()],
                ..ReloadReport::default()
            })
        } else {
            Err(ApiError::invalid_scopes(errors))
        }
    }

    async fn enter(
        self: Arc<Self>,
        agent: String,
        _: EnterQuery,
        peer: Arc<Peer>,
    ) -> Result<Entered, ApiError> {
        self.asked.fetch_add(1, SeqCst);
        if agent != "bot" {
            return Err(ApiError::unknown_agent(&agent));
        }
        let time = *self.reload_time.lock().unwrap();
        tokio::time::sleep(time).await;
        let (cgroup, number) = match &self.cgroup {
            Some(cgroup) => cgroup
                .enter(peer.pid())
                .map_err(|error| ApiError::new(ErrorCode::Failed, error.to_string()))?,
            None => ("/somewhere/else".to_owned(), 0),
        };
        Ok(Entered {
            agent,
            instance: number.to_string(),
            cgroup,
            files: self.files.clone(),
        })
    }

    async fn explain(self: Arc<Self>, query: ExplainQuery) -> Result<Self::Explanation, ApiError> {
        Ok(serde_json::json!({ "asked": query }))
    }

    async fn explain_path(
        self: Arc<Self>,
        query: ExplainPathQuery,
    ) -> Result<Self::Explanation, ApiError> {
        Ok(serde_json::json!({ "asked": query }))
    }
}

fn agent(name: &str) -> AgentStatus {
    AgentStatus {
        name: name.into(),
        owner: Some("team\u{1b}[31m@example.com".into()),
        mode: Mode::Enforce,
        file: "/etc/agentguard/agents.d/bot.toml".into(),
        rules: 4,
        policy: 1,
        instances: 0,
        cgroups: 0,
        counters: Counters::default(),
        files: None,
        names: None,
        retired: false,
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) backend: Arc<Fake>,
    pub(crate) socket: PathBuf,
    _directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(backend: Fake, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("agentguard.sock");
        let listening = ControlSocket::bind(&socket).unwrap();
        let backend = Arc::new(backend);
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&backend);
        let thread = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(server::serve(listening, serving, limits, async {
                    let _ = stopped.await;
                }))
                .unwrap();
        });
        Self {
            backend,
            socket,
            _directory: directory,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(
            ended.is_ok() || std::thread::panicking(),
            "the server panicked"
        );
    }
}
