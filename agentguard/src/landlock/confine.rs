//! Confining this process.

use std::{io, path::Path};

use ::landlock::RulesetError;
use agentguard_common::path::Access;

use super::{
    left_out::{LeftOut, Why},
    mounts::Mounts,
    rules::{Root, Rules},
    ruleset::{self, Ruleset},
    walk::{Walk, WalkError},
};
use crate::{
    kernel::files::{Landlock, landlock},
    policy::paths::{CompileError, Component, Effect, PathRule, Reach},
};

/// Why this process cannot be confined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfineError {
    /// The kernel has no Landlock.
    #[error("the scope's rules for files cannot be enforced: {detail}; {remedy}")]
    Unsupported {
        /// What was found.
        detail: String,
        /// What to do about it.
        remedy: String,
    },
    /// This process sees other files than the daemon.
    #[error(
        "the scope's rules are about the host's files, and this process has another root directory; run it outside of the chroot or container"
    )]
    OtherRoot,
    /// The root or the mounts cannot be read.
    #[error("the scope's rules for files cannot be enforced: {0}")]
    Host(#[from] io::Error),
    /// The rules cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The files cannot be looked at.
    #[error(transparent)]
    Walk(#[from] WalkError<RulesetError>),
    /// Landlock refuses its ruleset.
    #[error("Landlock: {0}")]
    Ruleset(#[from] RulesetError),
    /// The kernel did not confine this process.
    #[error("Landlock did not confine this process; this is a defect")]
    NotConfined,
}

/// How this process is confined.
#[derive(Debug)]
pub struct Confined {
    /// The version of Landlock's ABI.
    pub abi: u32,
    /// Rules of Landlock that were made.
    pub granted: u64,
    /// What the scope permits and is not granted.
    pub left_out: LeftOut,
}

/// Confines this thread, and with it what it executes and starts, to what the rules permit. For good:
/// it gives up gaining rights by executing, too (`PR_SET_NO_NEW_PRIVS`).
///
/// On an error it is not confined. Linux 5.13; what later kernels add is in
/// [`uncovered`](super::coverage::uncovered).
pub fn confine(rules: &Rules) -> Result<Confined, ConfineError> {
    let abi = match landlock() {
        Landlock::Active { abi } => abi,
        Landlock::Unsupported { detail, remedy } => {
            return Err(ConfineError::Unsupported { detail, remedy });
        }
    };
    if Root::own()? != rules.root {
        return Err(ConfineError::OtherRoot);
    }
    let rules = rules.path_rules();
    let mut ruleset = Ruleset::new()?;
    let (reach, mounts) = (Reach::new(&rules)?, Mounts::read()?);
    let rule_name = |number| name(&rules, number);
    let handled = ruleset::handled(abi);
    let left_out = Walk::new(&reach, handled, &mounts, &rule_name, &mut ruleset)
        .having_left_out(abstract_names(&rules))
        .run()?;
    let granted = ruleset.granted();
    if !ruleset.restrict()? {
        return Err(ConfineError::NotConfined);
    }
    Ok(Confined {
        abi,
        granted,
        left_out,
    })
}

/// What a rule is called in what is said.
pub(super) fn name(rules: &[PathRule], number: u16) -> String {
    let Some(rule) = rules.iter().find(|rule| rule.number == number) else {
        return format!("rule {number}");
    };
    let effect = match rule.effect {
        Effect::Deny => "deny",
        Effect::Allow(_) => "the rule",
    };
    format!("{effect} \"{}\"", rule.pattern)
}

/// The abstract sockets that rules permit. Landlock knows only those of the agent's own and all others.
fn abstract_names(rules: &[PathRule]) -> LeftOut {
    let connect = [Access::Connect].into_iter().collect();
    let mut left_out = LeftOut::default();
    for rule in rules {
        let (Effect::Allow(accesses), [first, ..]) = (&rule.effect, rule.pattern.components())
        else {
            continue;
        };
        let (Component::Literal(name) | Component::Glob(name)) = first else {
            continue;
        };
        if accesses.contains(&Access::Connect) && name.starts_with(b"@") {
            let name = String::from_utf8_lossy(name);
            left_out.add(Path::new(&*name), connect, Why::Abstract);
        }
    }
    left_out
}
