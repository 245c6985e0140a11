//! What travels over the control socket.

use std::{net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use crate::{
    kernel::protection::{Protection, State},
    landlock,
};

/// Where the daemon listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/agentguard/agentguard.sock";

/// The daemon, as `GET /v1/status` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, RFC 3339 in UTC.
    pub started: String,
    /// Release of the running kernel.
    pub kernel: String,
    /// Every agent that is declared, and every retired one that still has processes.
    pub agents: Vec<AgentStatus>,
    /// Paths, below the cgroup v2 mount, of the cgroups that the programs are attached to.
    pub attach_points: Vec<String>,
    /// Number of agents' cgroups that the table of tags has no room for. They are confined, by a
    /// slower way.
    #[serde(default)]
    pub untagged: u64,
    /// Number of agents' cgroups, since the daemon started, that nothing could confine. Their
    /// processes were killed.
    #[serde(default)]
    pub unconfined: u64,
    /// The violation log.
    pub log: LogStatus,
    /// What the daemon found on this host when it started.
    pub protections: Vec<Protection>,
    /// The last reload since the start, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reload: Option<LastReload>,
}

/// What an agent is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Its scope is enforced.
    Enforce,
    /// What its scope would refuse is recorded, and permitted.
    Observe,
}

impl Mode {
    /// Its name in scopes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// One agent, as `GET /v1/agents/{name}` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether its scope is enforced.
    pub mode: Mode,
    /// The file that declares it.
    pub file: PathBuf,
    /// Number of its network rules.
    pub rules: u32,
    /// Version of the policy that the kernel holds for it.
    pub policy: u32,
    /// Number of its running instances.
    pub instances: u64,
    /// Number of its cgroups, descendants included.
    pub cgroups: u64,
    /// What the kernel counted for it since the daemon started.
    pub counters: Counters,
    /// How its rules for files are enforced; absent if its scope has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Protection>,
    /// What its names were resolved to; absent if its scope has none, and among all agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<LearnedName>>,
    /// Whether it is declared no longer. Processes that it still has stay confined.
    pub retired: bool,
}

/// A name that was resolved for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedName {
    /// The name.
    pub name: String,
    /// Seconds until it opens nothing any more; 0 if it does not now.
    pub seconds: u64,
    /// Its addresses.
    pub addresses: Vec<LearnedAddress>,
}

/// One of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedAddress {
    /// The address.
    pub address: IpAddr,
    /// Seconds until nothing new can be opened to it; 0 if it cannot now.
    pub seconds: u64,
}

/// What the kernel counted for an agent since the daemon started:
/// `refused + observed = recorded + repeated + lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Operations refused.
    pub refused: u64,
    /// Operations that would have been refused, but for observe mode.
    pub observed: u64,
    /// Events given to the daemon.
    pub recorded: u64,
    /// Packets of a socket whose refusal is recorded already.
    pub repeated: u64,
    /// Events for which there was no room.
    pub lost: u64,
}

impl From<agentguard_common::counters::Counters> for Counters {
    fn from(counters: agentguard_common::counters::Counters) -> Self {
        Self {
            refused: counters.refused,
            observed: counters.observed,
            recorded: counters.recorded,
            repeated: counters.repeated,
            lost: counters.lost,
        }
    }
}

/// The state of the violation log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Where it is.
    pub path: PathBuf,
    /// Records written since the daemon started.
    pub written: u64,
    /// Records that could not be written since the daemon started.
    pub unwritten: u64,
    /// Records that wait to be written.
    #[serde(default)]
    pub queued: u64,
}

/// How the last reload ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Whether the new scopes are in force. If not, nothing changed.
    pub ok: bool,
    /// Why not, one line an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What a reload changed: the answer to `POST /v1/reload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Number of agents that are declared now.
    pub agents: u32,
    /// Agents that were not declared before.
    pub added: Vec<String>,
    /// Agents whose scope is another one now.
    pub changed: Vec<String>,
    /// Agents that are declared no longer.
    pub removed: Vec<String>,
}

/// Where the daemon put the process that asked: the answer to `POST /v1/agents/{name}/enter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// The agent.
    pub agent: String,
    /// The instance, as in the records of the violation log.
    pub instance: String,
    /// The process's cgroup, as `/proc/self/cgroup` has it.
    pub cgroup: String,
    /// What holds the process to the rules for files; absent if the scope has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FileConfinement>,
}

/// What holds a process to the rules for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum FileConfinement {
    /// The kernel's programs.
    BpfLsm,
    /// The process itself: it has to apply these rules before it executes anything.
    Landlock(landlock::Rules),
    /// Nothing.
    Nothing {
        /// Why, in one line.
        why: String,
    },
}

/// What `POST /v1/agents/{name}/enter` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnterQuery {
    /// Whether the process will apply rules for files itself if the answer says so. Without that it
    /// does not become an agent that needs it.
    #[serde(default)]
    pub landlock: bool,
}

/// What `GET /v1/explain` asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainQuery {
    /// The agent's name.
    pub agent: String,
    /// Destination: `HOST:PORT`, or `HOST` for ICMP.
    pub to: String,
    /// `tcp` unless it is said.
    #[serde(default)]
    pub protocol: ExplainProtocol,
}

/// What `GET /v1/explain/path` asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainPathQuery {
    /// The agent's name.
    pub agent: String,
    /// An absolute path; for `connect` also `@` and the name of an abstract socket.
    pub path: String,
    /// `read` unless it is said.
    #[serde(default)]
    pub access: ExplainAccess,
}

/// What can be done with a file or a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExplainAccess {
    /// Read a file, or list a directory.
    #[default]
    Read,
    /// Write, make, move or remove it.
    Write,
    /// Execute it, or map it to be executed.
    Exec,
    /// Connect or send to it.
    Connect,
}

impl From<ExplainAccess> for agentguard_common::path::Access {
    fn from(access: ExplainAccess) -> Self {
        match access {
            ExplainAccess::Read => Self::Read,
            ExplainAccess::Write => Self::Write,
            ExplainAccess::Exec => Self::Exec,
            ExplainAccess::Connect => Self::Connect,
        }
    }
}

/// A protocol that can be asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExplainProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, for both families.
    Icmp,
}

impl ExplainProtocol {
    /// Its name in a query.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

impl From<ExplainProtocol> for agentguard_common::protocol::Protocol {
    fn from(protocol: ExplainProtocol) -> Self {
        match protocol {
            ExplainProtocol::Tcp => Self::Tcp,
            ExplainProtocol::Udp => Self::Udp,
            ExplainProtocol::Icmp => Self::Icmp,
        }
    }
}

/// The class of an error. Programs may depend on it; on the message they may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// A scope is invalid; nothing changed.
    InvalidScope,
    /// No such agent is declared.
    UnknownAgent,
    /// The caller may not do this.
    NotPermitted,
    /// This host lacks what a scope needs; nothing changed.
    Unsupported,
    /// The request makes no sense.
    InvalidRequest,
    /// There is nothing at this path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The request's body is too large.
    TooLarge,
    /// The same process asks already.
    Busy,
    /// The daemon took too long. What was asked may still happen.
    Timeout,
    /// The kernel, systemd or the file system failed the daemon.
    Failed,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidScope | Self::Unsupported => 422,
            Self::UnknownAgent | Self::NotFound => 404,
            Self::NotPermitted => 403,
            Self::InvalidRequest => 400,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::Busy => 409,
            Self::Timeout => 504,
            Self::Failed | Self::Unknown => 500,
        }
    }
}

/// An error, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What was wrong and how to mend it, in one line.
    #[serde(rename = "error")]
    pub message: String,
    /// Its class.
    pub code: ErrorCode,
    /// Each error, if there is more than one: those of the scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl ApiError {
    /// An error of one line.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code,
            errors: Vec::new(),
        }
    }

    /// No agent of this name is declared.
    pub fn unknown_agent(name: &str) -> Self {
        Self::new(
            ErrorCode::UnknownAgent,
            format!("no agent '{name}' is declared; `agentguard status` lists those that are"),
        )
    }

    /// This host lacks what scopes require, one line each; nothing changed.
    pub fn lacking(errors: Vec<String>) -> Self {
        Self {
            message: "nothing was reloaded: this host lacks what the scopes require".to_owned(),
            code: ErrorCode::Unsupported,
            errors,
        }
    }

    /// The scopes have these errors, one line each; nothing changed.
    pub fn invalid_scopes(errors: Vec<String>) -> Self {
        Self {
            message: format!(
                "nothing was reloaded: the scopes have {} error{}",
                errors.len(),
                if errors.len() == 1 { "" } else { "s" }
            ),
            code: ErrorCode::InvalidScope,
            errors,
        }
    }
}
