//! What is decided of the addresses that a name has.

use agentguard_common::{
    address::Address,
    decision::{Endpoint, Tables, decide_destination},
    protocol::Protocol,
    rules::RuleSet,
    scope::Row,
    verdict::{Action, Verdict},
};

use super::super::{compile::Compiled, explain::Explanation, prefix::ip, scope::Scope};

/// An address of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The address.
    pub address: Address,
    /// Whether the agent is told of it.
    pub action: Action,
    /// The rules that it is learned for.
    pub rules: RuleSet,
}

/// A scope, when these rules were learned of the address that is asked about.
pub struct Learnt<'a> {
    /// The scope.
    pub compiled: &'a Compiled,
    /// The rules.
    pub rules: RuleSet,
}

impl Tables for Learnt<'_> {
    fn row(&self, index: u32) -> Option<&Row> {
        self.compiled.row(index)
    }

    fn same_agent(&self, destination: &Endpoint) -> bool {
        self.compiled.same_agent(destination)
    }

    fn learned(&self, _: &Address) -> Option<RuleSet> {
        Some(self.rules)
    }
}

/// Adds to what the rules say of a name what is decided of each of its addresses: a rule about addresses can refuse one,
/// and one that is not told is not learned.
pub fn explain_resolved(
    mut explanation: Explanation,
    scope: &Scope,
    compiled: &Compiled,
    addresses: &[Resolved],
    (protocol, port): (Protocol, u16),
) -> Explanation {
    let decided: Vec<_> = addresses
        .iter()
        .map(|resolved| (resolved, decide(compiled, resolved, protocol, port)))
        .collect();
    let mut notes: Vec<String> = explanation.note.take().into_iter().collect();
    if decided.is_empty() {
        notes.push("it has no address now".to_owned());
    }
    for (resolved, verdict) in &decided {
        let address = ip(resolved.address);
        notes.push(match verdict {
            None => format!("{address} is of the own network, and taken out of the answer"),
            Some(verdict) if verdict.action == Action::Refuse => {
                let rule = scope.rules.iter().find(|rule| rule.number == verdict.rule);
                let why = rule.map_or(verdict.reason.name(), |rule| scope.text(rule));
                format!("{address} is refused ({why})")
            }
            Some(_) => format!("{address} is permitted"),
        });
    }
    let is_open = |verdict: &Verdict| verdict.action != Action::Refuse;
    let any_open = decided
        .iter()
        .any(|(_, verdict)| verdict.as_ref().is_some_and(is_open));
    let refused = decided.iter().find_map(|(_, verdict)| *verdict);
    if let Some(verdict) = refused.filter(|_| !any_open) {
        let rule = scope.rules.iter().find(|rule| rule.number == verdict.rule);
        explanation.verdict = verdict.action.into();
        verdict.reason.name().clone_into(&mut explanation.reason);
        explanation.rule = rule.map(|rule| scope.text(rule).to_owned());
        explanation.rule_file = rule.map(|_| scope.file.display().to_string());
        explanation.rule_line = rule.map(|rule| rule.line);
    }
    explanation.note = Some(notes.join("; "));
    explanation
}

/// What the kernel decides; nothing of an address that the agent is not told.
fn decide(
    compiled: &Compiled,
    resolved: &Resolved,
    protocol: Protocol,
    port: u16,
) -> Option<Verdict> {
    if resolved.action == Action::Refuse {
        return None;
    }
    let learnt = Learnt {
        compiled,
        rules: resolved.rules,
    };
    let to = Endpoint {
        address: resolved.address,
        protocol,
        port: if protocol.has_ports() { port } else { 0 },
    };
    Some(decide_destination(&learnt, &to))
}
