//! What the rules of a scope say of a name.

use agentguard_common::{
    names::DOMAIN,
    protocol::Protocol,
    rules::NO_RULE,
    verdict::{Action, Reason, Verdict},
};

use super::{
    super::{
        explain::Explanation,
        scope::{Rule, Scope},
    },
    keys::TlsCheck,
    name::Name,
    table::Names,
};

/// The number of the record type `A`.
const A: u16 = 1;

/// Says what the kernel does with the addresses that the agent is given for a name. The port is in host
/// byte order, and ignored for ICMP.
///
/// Which addresses those are, and what other rules say of them, only the daemon knows.
pub fn explain_name(scope: &Scope, name: &Name, port: u16, protocol: Protocol) -> Explanation {
    let names = Names::new(scope);
    let is_question = port == DOMAIN && protocol.has_ports() && !names.is_empty();
    let verdict = if is_question {
        Verdict {
            action: Action::Permit,
            reason: Reason::Redirected,
            rule: NO_RULE,
        }
    } else {
        names.decide(scope, name.text(), protocol, port)
    };
    let rule = scope.rules.iter().find(|rule| rule.number == verdict.rule);
    let destination = if protocol.has_ports() {
        format!("{name}:{port}")
    } else {
        name.to_string()
    };
    let question = names.judge(name.text(), A).verdict;
    let note = if names.is_empty() {
        "the scope has no rules by name, so names are decided by their addresses alone; ask for these"
            .to_owned()
    } else {
        note(scope, &names, name, (protocol, port), verdict, question)
    };
    Explanation {
        agent: scope.agent.name.clone(),
        operation: "connect".to_owned(),
        destination: Some(destination),
        protocol: Some(protocol.name().to_owned()),
        path: None,
        access: None,
        verdict: verdict.action.into(),
        reason: verdict.reason.name().to_owned(),
        rule: rule.map(|rule| scope.text(rule).to_owned()),
        rule_file: rule.map(|_| scope.file.display().to_string()),
        rule_line: rule.map(|rule| rule.line),
        note: Some(note),
    }
}

fn note(
    scope: &Scope,
    names: &Names,
    name: &Name,
    (protocol, port): (Protocol, u16),
    verdict: Verdict,
    question: Verdict,
) -> String {
    if verdict.reason == Reason::Redirected {
        return "port 53 of every address is agentguard's own resolver".to_owned();
    }
    if question.action == Action::Refuse {
        return "the name is not resolved either".to_owned();
    }
    if verdict.action == Action::Refuse {
        return "the name is resolved, for other ports or protocols".to_owned();
    }
    let mut notes = Vec::new();
    notes.push("which addresses it has only the daemon knows".to_owned());
    let matched = names.matching(name.text());
    let permits = |rule: &&Rule| {
        matched.allow.contains(rule.number) && rule.destination.holds(protocol, port)
    };
    let checks = |rule: &Rule| match rule.keys.tls {
        TlsCheck::Https => port == 443,
        TlsCheck::Every => true,
        TlsCheck::Never => false,
    };
    if protocol == Protocol::Tcp && scope.rules.iter().filter(permits).all(checks) {
        notes.push("the connection must be TLS and ask for a permitted server name".to_owned());
    }
    if matched.private.is_empty() {
        notes.push("addresses of the own network are not accepted".to_owned());
    }
    notes.join("; ")
}
