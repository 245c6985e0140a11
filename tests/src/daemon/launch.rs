//! Starting a daemon.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStderr, Command, Output, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::Daemon;
use crate::{
    error::{Context, Outcome, failed},
    host::{self, Scratch, cgroup, process::Running},
    world::NetNs,
};

/// A virtual machine needs time to verify the programs.
const START_LIMIT: Duration = Duration::from_mins(2);
/// What the daemon writes when it enforces.
const READY: &str = "agentguard: enforcing";

/// How to start a daemon.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The binary `agentguard`.
    pub program: PathBuf,
    /// The violation log, if it is not to be in the daemon's own directory.
    pub log: Option<PathBuf>,
    /// The run directory, if it is not to be the daemon's own.
    pub run_directory: Option<PathBuf>,
    /// Changes the agents directory before the start.
    pub change_agents: fn(&Path) -> io::Result<()>,
    /// Becomes part of the daemon's start: another user, another view of the file system.
    pub prepare: Option<fn() -> io::Result<()>>,
    /// The directory of the cgroup that it begins in, if not in the suite's.
    pub home: Option<PathBuf>,
    /// The network namespace that it begins in, if not in the suite's: a path that names it.
    pub network: Option<PathBuf>,
    /// Whether it loads scopes again when their files change, as it does for operators. Cases that say when
    /// they are loaded go without.
    pub watch: bool,
    /// More arguments.
    pub arguments: Vec<String>,
    /// Name of the daemon's top-level cgroup.
    pub cgroup: String,
}

impl Settings {
    /// The usual: a cgroup that bears this process's name, everything else in a directory of its own.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            log: None,
            run_directory: None,
            change_agents: |_| Ok(()),
            prepare: None,
            home: None,
            network: None,
            watch: false,
            arguments: Vec::new(),
            cgroup: host::own_name(),
        }
    }
}

/// How a start went.
#[derive(Debug)]
pub enum Launch {
    /// It enforces.
    Enforcing(Box<Daemon>),
    /// It ended.
    Ended(Output),
}

pub(super) fn agents_directory(scratch: &Scratch) -> PathBuf {
    scratch.path().join("agents.d")
}

pub(super) fn run_directory(scratch: &Scratch) -> PathBuf {
    scratch.path().join("run")
}

pub(super) fn log_file(scratch: &Scratch) -> PathBuf {
    scratch.path().join("violations.jsonl")
}

pub(super) fn launch(settings: Settings, scopes: &[(&str, &str)]) -> Outcome<Launch> {
    let scratch = Scratch::new()?;
    for directory in [agents_directory(&scratch), run_directory(&scratch)] {
        fs::create_dir(&directory).context(format!("make {}", directory.display()))?;
    }
    for (name, text) in scopes {
        let path = agents_directory(&scratch).join(format!("{name}.toml"));
        fs::write(&path, text).context(format!("write {}", path.display()))?;
    }
    (settings.change_agents)(&agents_directory(&scratch)).context("change the agents directory")?;
    let begun = Instant::now();
    match spawn(&settings, &scratch)? {
        Started::Enforcing(child, stderr) => Ok(Launch::Enforcing(Box::new(Daemon {
            child,
            stderr,
            took: begun.elapsed(),
            settings,
            book: Mutex::default(),
            scratch,
        }))),
        Started::Ended(output) => {
            remove_cgroup(&settings)?;
            Ok(Launch::Ended(output))
        }
    }
}

pub(super) fn restart(daemon: &mut Daemon) -> Outcome {
    match spawn(&daemon.settings, &daemon.scratch)? {
        Started::Enforcing(child, stderr) => {
            daemon.child = child;
            daemon.stderr = stderr;
            Ok(())
        }
        Started::Ended(output) => failed(format!(
            "the daemon does not start again: {}",
            super::ended(&output)
        )),
    }
}

/// Removes the daemon's cgroup with everything in it.
pub(super) fn remove_cgroup(settings: &Settings) -> Outcome {
    cgroup::remove(&cgroup::mount_point()?.join(&settings.cgroup))
}

enum Started {
    Enforcing(Running, Arc<Mutex<String>>),
    Ended(Output),
}

fn spawn(settings: &Settings, scratch: &Scratch) -> Outcome<Started> {
    let log = settings.log.clone().unwrap_or_else(|| log_file(scratch));
    let mut command = Command::new(&settings.program);
    command.arg("daemon");
    command.arg("--agents").arg(agents_directory(scratch));
    let run = settings
        .run_directory
        .clone()
        .unwrap_or_else(|| run_directory(scratch));
    command.arg("--run-dir").arg(run);
    command.arg("--log").arg(log);
    command
        .arg("--cgroup")
        .arg(&settings.cgroup)
        .args(&settings.arguments);
    if !settings.watch {
        command.arg("--no-watch");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(home) = &settings.home {
        cgroup::place(home, &mut command)?;
    }
    if let Some(network) = &settings.network {
        NetNs::open(network)?.receive(&mut command);
    }
    if let Some(prepare) = settings.prepare {
        // SAFETY: the preparations only make system calls with constant arguments: they neither
        // allocate nor take locks between fork and exec.
        unsafe { command.pre_exec(prepare) };
    }
    let mut child = Running::start(&mut command)?;
    let Some(pipe) = child.0.stderr.take() else {
        return failed("the daemon has no standard error");
    };
    let (ready, becomes_ready) = mpsc::channel();
    let stderr = Arc::new(Mutex::new(String::new()));
    let reader = {
        let stderr = stderr.clone();
        thread::spawn(move || collect(pipe, &stderr, &ready))
    };
    match becomes_ready.recv_timeout(START_LIMIT) {
        Ok(()) => Ok(Started::Enforcing(child, stderr)),
        Err(mpsc::RecvTimeoutError::Timeout) => failed(format!(
            "the daemon neither enforces nor ends in {START_LIMIT:?}: {}",
            stderr.lock().unwrap_or_else(PoisonError::into_inner)
        )),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let status = child.wait(START_LIMIT)?;
            drop(reader.join());
            let stderr = stderr
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            Ok(Started::Ended(Output {
                status,
                stdout: Vec::new(),
                stderr: stderr.into_bytes(),
            }))
        }
    }
}

/// Keeps what the daemon writes, and tells when it is ready.
fn collect(pipe: ChildStderr, into: &Mutex<String>, ready: &mpsc::Sender<()>) {
    let mut ready = Some(ready);
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        let is_ready = line.contains(READY);
        let mut text = into.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&line);
        text.push('\n');
        drop(text);
        if is_ready && let Some(ready) = ready.take() {
            // Nobody waits any more after a time-out.
            let _ = ready.send(());
        }
    }
}
