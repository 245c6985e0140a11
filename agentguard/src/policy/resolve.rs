//! Symbolic links in the rules about files and sockets.
//!
//! The kernel compares the path at which a file really is. Where the literal beginning of a pattern goes
//! through a symbolic link, the pattern is therefore compared as the link leads, `/lib/**` as `/usr/lib/**`.
//!
//! A link must not widen a scope by the doing of those whom it confines. A rule that permits something is left as
//! it is written, and then matches nothing behind the link, if the link belongs to another user than root, or
//! if the scope lets the agent replace it. A rule that denies is compared both ways.

use std::{fmt, path::Path};

use agentguard_common::{path::Access, verdict::Action};

use super::{
    error::Place,
    file_rules::{FileRules, NumberedRule, PathList},
    host_paths::{HostPaths, Way, WayError, follow},
    paths::{self, Component, Effect, PathRule, Pattern},
    scope::{Mode, Scope},
};

const ROOT: u32 = 0;

/// What there is to know about a rule on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the scope has it, or names the profile that has it.
    pub place: Place,
    /// Whether it is a profile's.
    pub is_profile: bool,
    /// Whether the rule does not do what it seems to.
    pub is_warning: bool,
    /// What there is to know. One line.
    pub message: String,
}

impl fmt::Display for Note {
    /// `LINE:COLUMN: message`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(formatter, "{line}:{column}: {}", self.message)
    }
}

/// A rule that goes through links, or whose way is not known.
struct Found {
    number: u16,
    list: PathList,
    pattern: Pattern,
    way: Way,
    /// Why the rule is compared as it is written.
    distrust: Option<String>,
}

impl Found {
    /// Whether the rule is compared by the pattern that was found.
    fn is_resolved(&self) -> bool {
        self.distrust.is_none() && self.way.error.is_none()
    }
}

/// Resolves the links in a scope's rules. What was resolved before is resolved anew.
pub(super) fn resolve(scope: &mut Scope, host: &dyn HostPaths) -> Vec<Note> {
    // There is nothing to know about rules that nobody wrote.
    if let Some(rules) = scope.host_resolvers.as_deref_mut() {
        resolve_rules(rules, host);
    }
    let files = scope.files.as_deref_mut();
    files.map_or_else(Vec::new, |files| resolve_rules(files, host))
}

fn resolve_rules(files: &mut FileRules, host: &dyn HostPaths) -> Vec<Note> {
    files.resolved.clear();
    let mut found: Vec<Found> = files.iter().filter_map(|rule| look(&rule, host)).collect();
    distrust(files, &mut found);
    let notes = found.iter().filter_map(|it| note(files, it)).collect();
    files.resolved = found
        .into_iter()
        .filter(Found::is_resolved)
        .map(|it| (it.number, it.pattern))
        .collect();
    notes
}

/// What becomes of a rule, unless it stays as it is.
fn look(rule: &NumberedRule<'_>, host: &dyn HostPaths) -> Option<Found> {
    // What is no pattern is not compiled either.
    let written = rule.pattern().ok()?;
    let list = rule.rule.list;
    let literal: Vec<_> = written.components().iter().map_while(literal).collect();
    let is_abstract =
        list == PathList::Connect && literal.first().is_some_and(|name| name.starts_with(b"@"));
    if is_abstract {
        return None;
    }
    let way = follow(host, literal.iter().copied());
    let names = names(&way.end).map(|name| Component::Literal(name.into()));
    let rest = written.components().iter().skip(literal.len()).cloned();
    let pattern = Pattern::new(names.chain(rest).collect());
    if pattern == written && way.error.is_none() {
        return None;
    }
    let foreign = way.links.iter().find(|(_, owner)| *owner != ROOT);
    let distrust = foreign
        .filter(|_| list != PathList::Deny)
        .map(|(link, owner)| {
            format!(
                "{:?}, which belongs to user {owner}",
                link.display().to_string()
            )
        });
    Some(Found {
        number: rule.number,
        list,
        pattern,
        way,
        distrust,
    })
}

/// Distrusts links that the scope lets the agent replace. What it may write is asked of the rules as they
/// are resolved: a rule for what is behind a link does not permit to replace the link.
fn distrust(files: &FileRules, found: &mut [Found]) {
    let resolved = |number| {
        let it = found.iter().find(|it| it.number == number)?;
        it.is_resolved().then(|| it.pattern.clone())
    };
    let rules = files.iter().filter_map(|rule| {
        let effect = match rule.rule.list {
            PathList::Write => Effect::Allow(vec![Access::Write]),
            PathList::Deny => Effect::Deny,
            _ => return None,
        };
        let pattern = resolved(rule.number)
            .filter(|_| effect != Effect::Deny)
            .or_else(|| rule.pattern().ok())?;
        Some(PathRule {
            number: rule.number,
            pattern,
            effect,
            mode: rule.rule.mode,
        })
    });
    // What is too much to be compiled is found when all of it is.
    let Ok(writes) = paths::compile(&rules.collect::<Vec<_>>(), Mode::Enforce) else {
        return;
    };
    for it in found
        .iter_mut()
        .filter(|it| it.list != PathList::Deny && it.is_resolved())
    {
        let replaceable =
            it.way.links.iter().find(|(link, _)| {
                writes.decide(names(link), Access::Write).action != Action::Refuse
            });
        it.distrust = replaceable.map(|(link, _)| {
            format!(
                "{:?}, which the agent may replace",
                link.display().to_string()
            )
        });
    }
}

fn note(files: &FileRules, found: &Found) -> Option<Note> {
    let rule = files.get(found.number)?;
    let (text, pattern) = (rule.text(), found.pattern.to_string());
    let text = match rule.profile {
        None => format!("{text:?}"),
        Some(_) => format!("{text:?} ({})", rule.source(Path::new(""))),
    };
    let (is_warning, message) = match (&found.way.error, &found.distrust) {
        // Who checks a scope may not see as much as the daemon.
        (Some(error), _) => (
            matches!(error, WayError::Circle(_)),
            format!("{text} may lead elsewhere, and is compared as it is written: {error}"),
        ),
        (None, Some(link)) => (
            true,
            format!(
                "{text} goes through the symbolic link {link}, and is compared as it is written; write {pattern:?}"
            ),
        ),
        (None, None) => (false, format!("{text} is {}", pattern.escape_debug())),
    };
    Some(Note {
        place: files.place(&rule),
        is_profile: rule.profile.is_some(),
        is_warning,
        message,
    })
}

fn literal(component: &Component) -> Option<&[u8]> {
    match component {
        Component::Literal(name) => Some(name),
        _ => None,
    }
}

/// The names of an absolute path.
pub(super) fn names(path: &Path) -> impl Iterator<Item = &[u8]> {
    use std::os::unix::ffi::OsStrExt;

    path.iter()
        .filter(|name| *name != "/")
        .map(OsStrExt::as_bytes)
}
