//! A scope, as its file declares it.

use std::{fmt, path::PathBuf};

use agentguard_common::process::ProcessFlags;

use super::{destination::Destination, file_rules::FileRules, names::NameKeys, require::Required};

/// What one agent may do, and which processes are that agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The agent.
    pub agent: Agent,
    /// Whose processes these are.
    pub matches: Matches,
    /// The network rules, by number.
    pub rules: Vec<Rule>,
    /// The texts of all rules, one behind another: a text of its own for each would take twice the
    /// memory.
    pub(super) texts: Box<str>,
    /// The rules about files and sockets. Without them neither is confined.
    pub files: Option<Box<FileRules>>,
    /// The rules that close the sockets of the host's resolvers: of a scope that has rules by name and
    /// none about files and sockets.
    pub(super) host_resolvers: Option<Box<FileRules>>,
    /// What the agent may do with processes and namespaces, its profiles included.
    pub process: ProcessFlags,
    /// The protections that it says it requires; see [`required`](Self::required).
    pub require: Option<Required>,
    /// The file that declares the scope.
    pub file: PathBuf,
}

impl Scope {
    /// A rule of this scope as it is written, after the name of its list: `deny 10.20.6.0/24`.
    pub fn text(&self, rule: &Rule) -> &str {
        let (start, end) = rule.text;
        self.texts
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The rules by which paths are decided: those [about files and sockets](Self::files), or those that close the
    /// sockets of the host's resolvers, which are about nothing but sockets.
    pub fn path_rules(&self) -> Option<&FileRules> {
        self.files.as_deref().or(self.host_resolvers.as_deref())
    }

    /// The protections without which the agent must not run: unless the scope says so itself, all that it
    /// declares.
    pub fn required(&self) -> Required {
        self.require.unwrap_or(Required {
            network: true,
            files: self.files.is_some(),
        })
    }

    /// A scope that allows nothing.
    pub(crate) fn closed(name: &str, file: PathBuf) -> Self {
        Self {
            agent: Agent {
                name: name.to_owned(),
                owner: None,
                purpose: None,
                mode: Mode::Enforce,
            },
            matches: Matches::default(),
            rules: Vec::new(),
            texts: Box::default(),
            files: Some(Box::default()),
            host_resolvers: None,
            process: ProcessFlags::NONE,
            // What is left of an agent is confined as far as this host can.
            require: Some(Required::default()),
            file,
        }
    }
}

/// The `[agent]` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name, `[a-z0-9][a-z0-9_-]{0,62}`.
    pub name: String,
    /// Who answers for it: one line.
    pub owner: Option<String>,
    /// What it is for: one line.
    pub purpose: Option<String>,
    /// Whether its rules are enforced.
    pub mode: Mode,
}

/// Whether a refusal happens or is only recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It happens.
    #[default]
    Enforce,
    /// It is recorded, nothing else.
    Observe,
}

/// The `[match]` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// systemd units, by their full name.
    pub units: Vec<String>,
    /// cgroup v2 paths, absolute beneath the root of the hierarchy.
    pub cgroups: Vec<String>,
}

/// A network rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its number in the scope, and its bit in every rule set: rules are numbered as they stand in
    /// the file.
    pub number: u16,
    /// The list that it stands in.
    pub list: List,
    /// Whether it is enforced. An agent in observe mode observes every rule, whatever this says.
    pub mode: Mode,
    /// What it matches.
    pub destination: Destination,
    /// What it says of its name; the default if it has none.
    pub keys: NameKeys,
    /// Where [its text](Scope::text) begins and ends.
    pub(super) text: (u32, u32),
    /// Line of the file, from 1.
    pub line: u32,
    /// Column in the line, in characters, from 1.
    pub column: u32,
}

/// The list that a rule stands in, which is what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Destinations that may be reached.
    Allow,
    /// Destinations that may not, whatever else allows them.
    Deny,
    /// Local addresses that may be listened on.
    Listen,
}

impl List {
    /// Its key in the `[network]` section.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Listen => "listen",
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
