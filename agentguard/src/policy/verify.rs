//! Whether a scope that was read can be compiled, and which of its rules is in the way if not.

use agentguard_common::limits::MAX_POSITIONS;

use super::{
    compile::compile_paths,
    error::{Place, PolicyError},
    file_rules::FileRules,
    paths::{CompileError, Component, Pattern, positions},
    scope::Scope,
};

/// What keeps a scope from being compiled, if anything does.
pub(super) fn verify(scope: &Scope) -> Option<PolicyError> {
    let error = compile_paths(scope).err()?;
    let culprit = scope.path_rules().and_then(|rules| culprit(rules, &error));
    Some(PolicyError {
        file: scope.file.clone(),
        place: culprit,
        problem: error.into(),
    })
}

/// Where the rule stands that is one too many.
fn culprit(files: &FileRules, error: &CompileError) -> Option<Place> {
    let rules = files.path_rules().ok()?;
    let number = match error {
        CompileError::Positions { .. } => {
            let mut needed = 0;
            rules.iter().find(|rule| {
                needed += positions(&rule.pattern);
                needed > MAX_POSITIONS
            })
        }
        // Every glob that multiplies the states has a part in it: the last one of them.
        CompileError::GlobStates => rules.iter().rev().find(|rule| multiplies(&rule.pattern)),
        CompileError::Pattern(_) => None,
    }?
    .number;
    Some(files.place(&files.get(number)?))
}

/// Whether a pattern has characters between two `*`.
fn multiplies(pattern: &Pattern) -> bool {
    pattern
        .components()
        .iter()
        .any(|component| match component {
            Component::Glob(glob) => {
                let first = glob.iter().position(|byte| *byte == b'*');
                first != glob.iter().rposition(|byte| *byte == b'*')
            }
            _ => false,
        })
}
