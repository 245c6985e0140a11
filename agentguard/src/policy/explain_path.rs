//! Why the kernel permits or refuses an access to a file or a socket.

use agentguard_common::{
    path::Access,
    verdict::{Reason, Verdict},
};

use super::{
    compile::Compiled,
    explain::{Explained, Explanation},
    path_target::PathTarget,
    scope::Scope,
};

/// Asks the decision that the kernel runs.
pub fn explain_path(scope: &Scope, compiled: &Compiled, target: &PathTarget) -> Explanation {
    let answer = Explanation {
        agent: scope.agent.name.clone(),
        operation: operation(target.access).to_owned(),
        destination: None,
        protocol: None,
        path: Some(target.path.display().to_string()),
        access: Some(target.access.name().to_owned()),
        verdict: Explained::Permitted,
        reason: "not-confined".to_owned(),
        rule: None,
        rule_file: None,
        rule_line: None,
        note: None,
    };
    let mut notes: Vec<String> = target.note.iter().cloned().collect();
    let decides = target.access == Access::Connect || scope.files.is_some();
    let (Some(files), Some(tables), true) = (scope.path_rules(), compiled.paths(), decides) else {
        let but = if scope.path_rules().is_some() {
            ", and of sockets only those of the host's resolvers"
        } else {
            ""
        };
        notes.push(format!(
            "the scope has no [files], [sockets], [process] or profiles, so it confines no files{but}"
        ));
        return Explanation {
            note: Some(notes.join("; ")),
            ..answer
        };
    };
    let Verdict {
        action,
        reason,
        rule,
    } = match &target.folded {
        None => tables.decide(target.names(), target.access),
        Some(directory) => {
            let directory = directory.display();
            notes.push(format!(
                "{directory} takes names that differ in case for the same"
            ));
            tables.refuse(Reason::Folded)
        }
    };
    let rule = files.get(rule);
    if let Some(pattern) = rule.and_then(|rule| files.resolved(rule.number)) {
        notes.push(format!("the rule is compared as {pattern}"));
    }
    if reason == Reason::NoRule && target.access == Access::Connect {
        notes.push("permitted if it is a socket of the same agent".to_owned());
    }
    Explanation {
        verdict: action.into(),
        reason: reason.name().to_owned(),
        rule: rule.map(|rule| rule.text().to_owned()),
        rule_file: rule.map(|rule| rule.file(&scope.file).display().to_string()),
        rule_line: rule.map(|rule| rule.rule.line),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        ..answer
    }
}

const fn operation(access: Access) -> &'static str {
    match access {
        Access::Read | Access::Write => "open",
        Access::Exec => "exec",
        Access::Connect => "connect-unix",
    }
}
