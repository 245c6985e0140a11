//! What a case works with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::Duration,
};

use super::{
    Interactive, Options, Witnesses, lsm,
    sessions::Sessions,
    witnesses::{AGENTS, STRANGER},
};
use crate::{
    daemon::{Daemon, Settings, message},
    ensure,
    error::{Context, Error, Outcome},
    host::{Layout, Scratch, Tree, own_name, process},
    internet::Internet,
    probe::Reading,
    world::World,
};

/// How long a probe may take. Virtual machines are slow, and some probes try 100 000 times.
const PROBE_LIMIT: Duration = Duration::from_secs(90);

/// Two hosts and, in most groups, a daemon.
#[derive(Debug)]
pub struct Stage {
    // Sessions go first: they are agents of the daemon.
    sessions: Sessions,
    witnesses: Witnesses,
    // Then the daemon: its agents live in the world.
    daemon: Option<Daemon>,
    internet: Option<Internet>,
    /// The two hosts.
    pub world: World,
    tree: Option<Tree>,
    sockets: Option<Scratch>,
    scopes: Vec<String>,
    options: Options,
    lsm: OnceLock<bool>,
    program: PathBuf,
    agentguard: PathBuf,
}

impl Stage {
    /// Makes the world. The daemon comes with [`share_daemon`](Self::share_daemon).
    pub fn new(options: &Options) -> Outcome<Self> {
        Ok(Self {
            sessions: Sessions::default(),
            witnesses: Witnesses::default(),
            daemon: None,
            internet: None,
            tree: None,
            sockets: None,
            scopes: Vec::new(),
            options: options.clone(),
            lsm: OnceLock::new(),
            world: World::new()?,
            program: std::env::current_exe().context("find the own program")?,
            agentguard: options.agentguard.clone(),
        })
    }

    /// Makes the far host an Internet with names.
    pub(super) fn connect_internet(&mut self) -> Outcome {
        self.internet = Some(Internet::new(&self.world)?);
        Ok(())
    }

    /// The Internet of a group about names.
    pub fn internet(&self) -> Outcome<&Internet> {
        self.internet
            .as_ref()
            .ok_or_else(|| Error::Failed("this group has no Internet".into()))
    }

    /// Starts the daemon that the cases share.
    pub fn share_daemon(&mut self, scopes: &[(&str, &str)]) -> Outcome {
        self.daemon = Some(self.start(scopes)?);
        self.scopes = scopes.iter().map(|(name, _)| (*name).to_owned()).collect();
        Ok(())
    }

    /// Makes the tree of a group about files.
    pub(super) fn plant(&mut self, layout: Layout) -> Outcome {
        self.tree = Some(Tree::new(layout)?);
        self.sockets = Some(Scratch::new()?);
        Ok(())
    }

    /// The tree that the cases work on.
    pub fn tree(&self) -> Outcome<&Tree> {
        self.tree
            .as_ref()
            .ok_or_else(|| Error::Failed("this group has no tree".into()))
    }

    /// A text with `$tree`, `$sockets`, `$program` and the like as what they stand for.
    pub fn expand(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let shown = |path: Option<&Path>| path.map_or(String::new(), |it| it.display().to_string());
        let text = text
            .replace("$tree", &shown(self.tree.as_ref().map(Tree::path)))
            .replace("$sockets", &shown(self.sockets.as_ref().map(Scratch::path)))
            .replace("$program", &shown(Some(&self.program)))
            .replace("$device", self.world.device())
            .replace("$name", &own_name());
        self.witnesses.expand(&text)
    }

    /// Processes that others do something to.
    pub(super) const fn witnesses(&self) -> &Witnesses {
        &self.witnesses
    }

    /// Starts the witnesses, once: one who is nobody's agent, and one of each agent that the group has a scope
    /// for. Each has its sockets beneath `$sockets`, by its name, and abstract ones that begin with `$name` and it.
    pub fn call_witnesses(&self) -> Outcome {
        if self.witnesses.are_called() {
            return Ok(());
        }
        for name in std::iter::once(&STRANGER).chain(AGENTS) {
            let directory = self.expand(&format!("$sockets/{name}"));
            fs::create_dir(&directory).context("make a directory for sockets")?;
            let technique = [
                "witness",
                &directory,
                &self.expand(&format!("$name-{name}")),
            ];
            let command = match &self.daemon {
                Some(daemon) if self.scopes.iter().any(|scope| scope == name) => {
                    self.tagged(daemon, name, &technique)
                }
                _ => self.untagged(&technique),
            };
            self.witnesses.call(name, command)?;
        }
        Ok(())
    }

    /// Whether BPF LSM works here.
    pub fn has_lsm(&self) -> Outcome<bool> {
        if let Some(known) = self.lsm.get() {
            return Ok(*known);
        }
        let has = lsm::absent(&self.options)?.is_none();
        Ok(*self.lsm.get_or_init(|| has))
    }

    /// Has a long-lived process perform a technique in a child: an ordinary one, or one of an agent of the
    /// shared daemon. Many techniques take little more time than one.
    pub fn perform(&self, agent: Option<&str>, technique: &[&str]) -> Outcome<Reading> {
        let technique: Vec<_> = technique.iter().map(|word| self.expand(word)).collect();
        let technique: Vec<_> = technique.iter().map(String::as_str).collect();
        self.sessions.ask(agent, &technique, || match agent {
            Some(agent) => Ok(self.tagged(self.daemon()?, agent, &["session"])),
            None => Ok(self.untagged(&["session"])),
        })
    }

    /// The daemon that the cases share.
    pub fn daemon(&self) -> Outcome<&Daemon> {
        self.daemon
            .as_ref()
            .ok_or_else(|| Error::Failed("this group has no daemon".into()))
    }

    /// A daemon for one case.
    pub fn start(&self, scopes: &[(&str, &str)]) -> Outcome<Daemon> {
        let scopes: Vec<_> = scopes
            .iter()
            .map(|(name, text)| (*name, self.expand(text)))
            .collect();
        let scopes: Vec<_> = scopes
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        Daemon::start(self.settings(), &scopes)
    }

    /// How a daemon is started.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new(&self.agentguard);
        if self.daemon.is_some() {
            // Beside the shared one.
            settings.cgroup.push_str("-own");
        }
        if self.internet.is_some() {
            settings.network = Some(self.world.near.path());
            settings.arguments = vec!["--upstream".into(), Internet::upstream()];
        }
        settings
    }

    /// This program, which is also the probe.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A technique as an ordinary process.
    pub fn untagged(&self, technique: &[&str]) -> Command {
        let mut command = self.world.near.command(&self.program);
        command.arg("probe").args(technique);
        command
    }

    /// A technique as an agent of a daemon.
    pub fn tagged(&self, daemon: &Daemon, agent: &str, technique: &[&str]) -> Command {
        let mut command = daemon.run_as(agent, &self.world.near, &self.program);
        command.arg("probe").args(technique);
        command
    }

    /// Performs a technique as an ordinary process.
    pub fn try_untagged(&self, technique: &[&str]) -> Outcome<Reading> {
        read(&process::output(
            &mut self.untagged(technique),
            PROBE_LIMIT,
        )?)
    }

    /// Performs a technique as an agent of a daemon.
    pub fn try_tagged(&self, daemon: &Daemon, agent: &str, technique: &[&str]) -> Outcome<Reading> {
        read(&process::output(
            &mut self.tagged(daemon, agent, technique),
            PROBE_LIMIT,
        )?)
    }

    /// Starts a technique that goes on until it is released, as an ordinary process.
    pub fn begin_untagged(&self, technique: &[&str]) -> Outcome<Interactive> {
        Interactive::start(self.untagged(technique))
    }

    /// Starts a technique that goes on until it is released, as an agent of a daemon.
    pub fn begin_tagged(
        &self,
        daemon: &Daemon,
        agent: &str,
        technique: &[&str],
    ) -> Outcome<Interactive> {
        Interactive::start(self.tagged(daemon, agent, technique))
    }

    /// What a failed case is reported with.
    pub fn evidence(&self) -> String {
        self.daemon
            .as_ref()
            .map(Daemon::evidence)
            .unwrap_or_default()
    }
}

fn read(output: &Output) -> Outcome<Reading> {
    ensure!(
        output.status.success(),
        "the probe ended with {}: {}",
        output.status,
        message(output)
    );
    Reading::parse(&String::from_utf8_lossy(&output.stdout))
}
