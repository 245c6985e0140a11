//! The rules about files of one agent, as the daemon hands them to `agentguard run`.
//!
//! Patterns travel by their components and not as texts: one whose beginning was resolved can hold
//! any byte but a slash and NUL, a literal `*` among them.

use std::{fs, io, os::unix::fs::MetadataExt};

use agentguard_common::path::Access;
use serde::{Deserialize, Serialize};

use crate::policy::{
    Mode,
    paths::{Component, Effect, PathRule, Pattern},
};

/// The rules about files and sockets of one agent, for Landlock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The rules, in the order of their numbers.
    pub rules: Vec<Rule>,
    /// The daemon's `/`: the rules are about paths in it.
    pub root: Root,
}

/// Which directory a `/` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Device number, as in `stat`.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

impl Root {
    /// That of this process.
    pub fn own() -> io::Result<Self> {
        let metadata = fs::metadata("/")?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its number in the scope.
    pub number: u16,
    /// What it matches.
    pub pattern: Vec<Part>,
    /// What it permits; nothing: it refuses.
    pub allow: Vec<Right>,
    /// Whether it is observed, not enforced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observe: bool,
}

/// A component of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// One name.
    Literal(Name),
    /// Names that match it.
    Glob(Name),
    /// `*`.
    AnyName,
    /// `**`.
    AnyDepth,
}

/// The bytes of a name: a text if they are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Name {
    /// UTF-8.
    Text(String),
    /// Other bytes.
    Bytes(Vec<u8>),
}

/// An access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// [`Access::Read`].
    Read,
    /// [`Access::Write`].
    Write,
    /// [`Access::Exec`].
    Exec,
    /// [`Access::Connect`].
    Connect,
}

impl Rules {
    /// Rules as they are compiled, for the daemon's own root.
    pub fn new(rules: &[PathRule]) -> io::Result<Self> {
        Ok(Self {
            rules: rules.iter().map(Rule::from).collect(),
            root: Root::own()?,
        })
    }

    /// The rules, to be compiled.
    pub fn path_rules(&self) -> Vec<PathRule> {
        self.rules.iter().map(PathRule::from).collect()
    }
}

impl From<&PathRule> for Rule {
    fn from(rule: &PathRule) -> Self {
        Self {
            number: rule.number,
            pattern: rule.pattern.components().iter().map(Part::from).collect(),
            allow: match &rule.effect {
                Effect::Deny => Vec::new(),
                Effect::Allow(accesses) => accesses.iter().map(|it| Right::from(*it)).collect(),
            },
            observe: rule.mode == Mode::Observe,
        }
    }
}

impl From<&Rule> for PathRule {
    fn from(rule: &Rule) -> Self {
        Self {
            number: rule.number,
            pattern: Pattern::new(rule.pattern.iter().map(Component::from).collect()),
            effect: if rule.allow.is_empty() {
                Effect::Deny
            } else {
                Effect::Allow(rule.allow.iter().map(|it| Access::from(*it)).collect())
            },
            mode: if rule.observe {
                Mode::Observe
            } else {
                Mode::Enforce
            },
        }
    }
}

impl From<&Component> for Part {
    fn from(component: &Component) -> Self {
        match component {
            Component::Literal(bytes) => Self::Literal(Name::from(&**bytes)),
            Component::Glob(bytes) => Self::Glob(Name::from(&**bytes)),
            Component::AnyName => Self::AnyName,
            Component::AnyDepth => Self::AnyDepth,
        }
    }
}

impl From<&Part> for Component {
    fn from(part: &Part) -> Self {
        match part {
            Part::Literal(name) => Self::Literal(name.bytes()),
            Part::Glob(name) => Self::Glob(name.bytes()),
            Part::AnyName => Self::AnyName,
            Part::AnyDepth => Self::AnyDepth,
        }
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes).map_or_else(
            |_| Self::Bytes(bytes.to_vec()),
            |text| Self::Text(text.to_owned()),
        )
    }
}

impl Name {
    fn bytes(&self) -> Box<[u8]> {
        match self {
            Self::Text(text) => text.as_bytes().into(),
            Self::Bytes(bytes) => bytes.as_slice().into(),
        }
    }
}

impl From<Access> for Right {
    fn from(access: Access) -> Self {
        match access {
            Access::Read => Self::Read,
            Access::Write => Self::Write,
            Access::Exec => Self::Exec,
            Access::Connect => Self::Connect,
        }
    }
}

impl From<Right> for Access {
    fn from(right: Right) -> Self {
        match right {
            Right::Read => Self::Read,
            Right::Write => Self::Write,
            Right::Exec => Self::Exec,
            Right::Connect => Self::Connect,
        }
    }
}
