//! What the running kernel lets agentguard do, as values.

use serde::{Deserialize, Serialize};

/// How well a protection works on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// It works.
    Active,
    /// It is weaker than it should be; the detail says what is not covered.
    Degraded,
    /// It is missing, and what depends on it cannot be enforced.
    Unsupported,
}

impl State {
    /// Its name in JSON and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Unsupported => "unsupported",
        }
    }
}

/// One thing that agentguard needs from its host, and whether the host has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Protection {
    /// Short and stable, for example `cgroup_skb egress`.
    pub name: String,
    /// Whether it works.
    pub state: State,
    /// What was found, in one line.
    pub detail: String,
    /// What to do about it, in one line; absent when nothing has to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Protection {
    /// One that works.
    pub fn active(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: State::Active,
            detail: detail.into(),
            remedy: None,
        }
    }

    /// One that is missing or weaker, which can be lived with.
    pub fn degraded(
        name: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            state: State::Degraded,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// One that is missing and needed.
    pub fn unsupported(
        name: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            state: State::Unsupported,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }
}
