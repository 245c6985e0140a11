//! What is granted for which rules, on trees that the tests make.

mod never_wider;
mod walked;
mod wire;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    os::{fd::BorrowedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use agentguard_common::path::Access;
use tempfile::TempDir;

use super::{
    confine::name,
    left_out::LeftOut,
    mounts::Mounts,
    walk::{Grants, Kind, Limits, Walk, WalkError},
};
use crate::policy::{
    Mode,
    paths::{Accesses, Effect, PathRule, Reach},
};

/// A directory with files in it.
struct Tree(TempDir);

impl Tree {
    /// Makes files; what ends with a slash is a directory, `a -> b` a symbolic link.
    fn new(paths: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for path in paths {
            if let Some((link, target)) = path.split_once(" -> ") {
                std::os::unix::fs::symlink(target, directory.path().join(link)).unwrap();
                continue;
            }
            let whole = directory.path().join(path);
            if path.ends_with('/') {
                fs::create_dir_all(whole).unwrap();
            } else {
                fs::create_dir_all(whole.parent().unwrap()).unwrap();
                fs::write(whole, path).unwrap();
            }
        }
        Self(directory)
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// A rule about a path in it.
    fn rule(&self, number: u16, list: &str, pattern: &str) -> PathRule {
        let pattern = match pattern {
            "" => self.root().display().to_string(),
            pattern => format!("{}/{pattern}", self.root().display()),
        };
        rule(number, list, &pattern)
    }

    /// A path in it as the tests write it: what is outside stays whole.
    fn short(&self, path: &Path) -> String {
        match path.strip_prefix(self.root()) {
            Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
            Ok(rest) => rest.display().to_string(),
            Err(_) => path.display().to_string(),
        }
    }

    /// `r papers/** | rw out/x`: what was granted.
    fn grants(&self, walked: &Walked) -> String {
        let one = |((path, is_whole), accesses): (&(PathBuf, bool), &Accesses)| {
            let whole = if *is_whole { "/**" } else { "" };
            format!("{} {}{whole}", letters(*accesses), self.short(path))
        };
        let all: Vec<_> = walked.granted.0.iter().map(one).collect();
        all.join(" | ")
    }

    /// `r x: does not exist`: what was left out.
    fn left_out(&self, walked: &Walked) -> Vec<String> {
        let items = walked.left_out.items().iter();
        items
            .map(|item| {
                let path = self.short(&item.path);
                format!("{} {path}: {}", letters(item.accesses), item.why)
            })
            .collect()
    }
}

/// `list` is one of those of a scope, or `observe` and one of those.
fn rule(number: u16, list: &str, pattern: &str) -> PathRule {
    let (mode, list) = match list.strip_prefix("observe ") {
        Some(list) => (Mode::Observe, list),
        None => (Mode::Enforce, list),
    };
    let accesses = match list {
        "read" => vec![Access::Read],
        "write" => vec![Access::Read, Access::Write],
        "exec" => vec![Access::Read, Access::Exec],
        "connect" => vec![Access::Connect],
        _ => Vec::new(),
    };
    PathRule {
        number,
        pattern: pattern.parse().unwrap(),
        effect: if accesses.is_empty() {
            Effect::Deny
        } else {
            Effect::Allow(accesses)
        },
        mode,
    }
}

fn letters(accesses: Accesses) -> String {
    let letters = accesses.iter().map(|access| &access.name()[..1]);
    letters.collect()
}

/// What a walk came to.
struct Walked {
    granted: Granted,
    left_out: LeftOut,
}

/// What was granted, by path and whether everything beneath is meant.
#[derive(Default)]
struct Granted(BTreeMap<(PathBuf, bool), Accesses>);

impl Grants for Granted {
    type Error = Infallible;

    fn grant(
        &mut self,
        object: BorrowedFd<'_>,
        kind: Kind,
        accesses: Accesses,
        path: &Path,
    ) -> Result<(), Infallible> {
        let named = fs::metadata(path).unwrap();
        let opened = nix::sys::stat::fstat(object).unwrap();
        assert_eq!((named.dev(), named.ino()), (opened.st_dev, opened.st_ino));
        assert_eq!(named.is_dir(), kind == Kind::Hierarchy);
        let key = (path.to_owned(), kind == Kind::Hierarchy);
        let twice = self.0.insert(key, accesses);
        assert_eq!(twice, None, "{}", path.display());
        Ok(())
    }
}

/// A walk over this host as if nothing were mounted twice.
fn walked(rules: &[PathRule]) -> Walked {
    walked_with(rules, &Mounts::default())
}

fn walked_with(rules: &[PathRule], mounts: &Mounts) -> Walked {
    walk_within(rules, mounts, Limits::HELD).unwrap_or_else(|error| panic!("{error}"))
}

fn walk_within(
    rules: &[PathRule],
    mounts: &Mounts,
    limits: Limits,
) -> Result<Walked, WalkError<Infallible>> {
    let mut granted = Granted::default();
    let reach = Reach::new(rules).unwrap();
    let rule_name = |number| name(rules, number);
    let all = Access::ALL.into_iter().collect();
    let left_out = Walk::new(&reach, all, mounts, &rule_name, &mut granted)
        .within(limits)
        .run()?;
    Ok(Walked { granted, left_out })
}
