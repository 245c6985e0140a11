//! The kinds of record that are not violations.

use serde::Serialize;

/// Events for which the ring buffer had no room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The agent.
    pub agent: String,
    /// How many, since the agent's previous record of this kind.
    pub lost: u64,
}

/// Packets of sockets whose refusal is recorded already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repeat {
    /// The agent.
    pub agent: String,
    /// How many, since the agent's previous record of this kind.
    pub repeated: u64,
}

/// Violations that could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unwritten {
    /// How many, since the previous record of this kind.
    pub unwritten: u64,
}

/// Something that the daemon did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Daemon {
    /// What.
    pub event: DaemonEvent,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Version of the program.
    pub version: &'static str,
    /// Agents that are confined now.
    pub agents: u32,
}

/// What the daemon did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DaemonEvent {
    /// It began to enforce.
    Start,
    /// It stopped.
    Stop,
    /// It replaced the scopes.
    Reload,
    /// A scope was invalid, and nothing was replaced.
    ReloadFailed,
    /// It killed the processes of a cgroup that is an agent's and that nothing could confine.
    Kill,
}

/// How much the kernel's counters of an agent have grown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Events for which the ring buffer had no room.
    pub lost: u64,
    /// Packets of sockets whose refusal is recorded already.
    pub repeated: u64,
}
