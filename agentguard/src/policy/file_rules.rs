//! Rules about files and Unix sockets, as a scope has them.
//!
//! They are numbered from 0 as they stand in the scope's file; behind them come those of the profiles, in
//! the order in which the scope names them. The numbers have nothing to do with those of the network.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::Path,
};

use agentguard_common::{path::Access, process::ProcessFlags};

use super::{
    error::Place,
    paths::{Effect, PathRule, Pattern, PatternError, socket_pattern},
    profiles::Profile,
    scope::Mode,
};

/// The list that a rule stands in, which is what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathList {
    /// Files that may be read.
    Read,
    /// Files that may be written, and read.
    Write,
    /// Files that may be executed, and read.
    Exec,
    /// Files and sockets that may not be touched, whatever else permits them.
    Deny,
    /// Sockets that may be connected to.
    Connect,
}

impl PathList {
    /// Every list.
    pub(super) const ALL: [Self; 5] = [
        Self::Read,
        Self::Write,
        Self::Exec,
        Self::Deny,
        Self::Connect,
    ];

    /// Its key in `[files]` or `[sockets]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Exec => "exec",
            Self::Deny => "deny",
            Self::Connect => "connect",
        }
    }

    /// The pattern of an item of this list. An error comes with the byte of the text at which it lies.
    pub(super) fn pattern(self, text: &str) -> Result<Pattern, (usize, PatternError)> {
        match self {
            Self::Connect => socket_pattern(text),
            _ => Pattern::parse(text),
        }
    }

    /// What a rule of this list says about what it matches.
    fn effect(self) -> Effect {
        Effect::Allow(match self {
            Self::Read => vec![Access::Read],
            Self::Write => vec![Access::Read, Access::Write],
            Self::Exec => vec![Access::Read, Access::Exec],
            Self::Connect => vec![Access::Connect],
            Self::Deny => return Effect::Deny,
        })
    }
}

impl fmt::Display for PathList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A rule about files or sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRule {
    /// The list that it stands in.
    pub list: PathList,
    /// Whether it is enforced. An agent in observe mode observes every rule, whatever this says.
    pub mode: Mode,
    /// Where its text begins and ends among the texts of its file.
    pub(super) text: (u32, u32),
    /// Line of the file, from 1.
    pub line: u32,
    /// Column in the line, in characters, from 1.
    pub column: u32,
}

/// The rules of one file, a scope's or a profile's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleList {
    pub(super) rules: Vec<FileRule>,
    /// The texts of all rules, one behind another. They are kept, and not the patterns, which take
    /// several times as much memory.
    pub(super) texts: Box<str>,
}

/// A profile that a scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileUse {
    /// The profile.
    pub profile: &'static Profile,
    /// Where the scope names it.
    pub place: Place,
}

/// The rules about files and sockets of a scope that has any of its own, or a profile, or a section
/// for them. What they do not permit is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRules {
    pub(super) own: RuleList,
    pub(super) profiles: Vec<ProfileUse>,
    /// By rule: the pattern that is compared, where symbolic links or mounts make it another than
    /// the one that is written.
    pub(super) resolved: BTreeMap<u16, Pattern>,
}

/// A rule with its number and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct NumberedRule<'a> {
    /// Its number in the scope.
    pub number: u16,
    /// The rule.
    pub rule: &'a FileRule,
    /// The profile that it comes from, if it is not the scope's own.
    pub profile: Option<&'static Profile>,
    texts: &'a str,
}

impl<'a> NumberedRule<'a> {
    /// The rule as it is written, after the name of its list: `read /srv/papers/**`.
    pub fn text(&self) -> &'a str {
        let (start, end) = self.rule.text;
        self.texts
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The file that it stands in: the one of the scope, or `profile NAME`.
    pub fn file<'b>(&self, scope: &'b Path) -> &'b Path {
        self.profile.map_or(scope, |profile| profile.file())
    }

    /// Its file and its line, as in `bot.toml:7` and `profile base:12`.
    pub fn source(&self, scope: &Path) -> String {
        format!("{}:{}", self.file(scope).display(), self.rule.line)
    }

    /// The pattern as it is written.
    pub fn pattern(&self) -> Result<Pattern, PatternError> {
        let list = self.rule.list;
        let text = self.text();
        let pattern = text.get(list.name().len() + 1..).unwrap_or_default();
        list.pattern(pattern).map_err(|(_, error)| error)
    }
}

impl FileRules {
    /// Number of its rules, those of its profiles included.
    pub fn len(&self) -> usize {
        let profiles = self
            .profiles
            .iter()
            .map(|it| it.profile.rules().rules.len());
        self.own.rules.len() + profiles.sum::<usize>()
    }

    /// Whether there is no rule: everything is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The profiles, in the order in which the scope names them.
    pub fn profiles(&self) -> &[ProfileUse] {
        &self.profiles
    }

    /// The rules, by number.
    pub fn iter(&self) -> impl Iterator<Item = NumberedRule<'_>> {
        let profiles = self
            .profiles
            .iter()
            .map(|it| (it.profile.rules(), Some(it.profile)));
        let rules = std::iter::once((&self.own, None))
            .chain(profiles)
            .flat_map(|(list, profile)| list.rules.iter().map(move |rule| (list, rule, profile)));
        (0..)
            .zip(rules)
            .map(|(number, (list, rule, profile))| NumberedRule {
                number,
                rule,
                profile,
                texts: &list.texts,
            })
    }

    /// The rule of a number.
    pub fn get(&self, number: u16) -> Option<NumberedRule<'_>> {
        self.iter().nth(number.into())
    }

    /// The pattern that a rule is compared by, if it is another than the one that is written.
    pub fn resolved(&self, number: u16) -> Option<&Pattern> {
        self.resolved.get(&number)
    }

    /// Where the scope's file has a rule, or names the profile that has it.
    pub(super) fn place(&self, rule: &NumberedRule<'_>) -> Place {
        let used = rule
            .profile
            .and_then(|profile| self.profiles.iter().find(|it| it.profile == profile));
        used.map_or(
            Place {
                line: rule.rule.line,
                column: rule.rule.column,
            },
            |used| used.place,
        )
    }

    /// What the profiles permit with processes.
    pub(super) fn process(&self) -> ProcessFlags {
        self.profiles
            .iter()
            .fold(ProcessFlags::NONE, |all, it| all | it.profile.process())
    }

    /// The rules as they are compiled.
    ///
    /// Rules that say the same as one before them are left out: a verdict names the first. A `deny` is
    /// compared by what is written, too: where that is a symbolic link, it cannot be replaced.
    pub fn path_rules(&self) -> Result<Vec<PathRule>, PatternError> {
        let mut rules = Vec::with_capacity(self.len());
        let mut seen = HashSet::new();
        for numbered in self.iter() {
            let (number, list, mode) = (numbered.number, numbered.rule.list, numbered.rule.mode);
            let resolved = self.resolved(number).cloned();
            let written = (resolved.is_none() || list == PathList::Deny)
                .then(|| numbered.pattern())
                .transpose()?;
            for pattern in written.into_iter().chain(resolved) {
                if seen.insert((pattern.clone(), list, mode)) {
                    rules.push(PathRule {
                        number,
                        pattern,
                        effect: list.effect(),
                        mode,
                    });
                }
            }
        }
        Ok(rules)
    }
}
