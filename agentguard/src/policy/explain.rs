//! Why the kernel permits or refuses what an agent tries.

use std::net::IpAddr;

use agentguard_common::{
    decision::{Action, Endpoint, Reason, decide_destination},
    protocol::Protocol,
    rules::RuleSet,
};
use serde::{Deserialize, Serialize};

use super::{
    compile::Compiled,
    destination::Hosts,
    grammar::Host,
    names::{Learnt, explain_name},
    prefix::{address, ip},
    scope::{Rule, Scope},
    target::Target,
};

/// What the kernel would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Explained {
    /// Let it happen.
    Permitted,
    /// Refuse it.
    Refused,
    /// Let it happen, and record that it would have been refused.
    Observed,
}

impl Explained {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Refused => "refused",
            Self::Observed => "observed",
        }
    }
}

impl From<Action> for Explained {
    fn from(action: Action) -> Self {
        match action {
            Action::Permit => Self::Permitted,
            Action::Observe => Self::Observed,
            Action::Refuse => Self::Refused,
        }
    }
}

/// The answer to "may this agent do this?", with its reason. Its fields are those of a record in the
/// violation log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The agent.
    pub agent: String,
    /// `connect`, `open`, `exec` or `connect-unix`.
    pub operation: String,
    /// The destination that was decided on, in its canonical form: `10.0.0.1:443`,
    /// `[2001:db8::1]:443`; without a port for ICMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// `tcp`, `udp` or `icmp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The path that was decided on: where the file really is, or `@` and the name of an abstract socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `read`, `write`, `exec` or `connect`, for a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// What the kernel would do.
    pub verdict: Explained,
    /// Why: a name of [`Reason`], or `not-confined`.
    pub reason: String,
    /// The rule that decided, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The file of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_file: Option<String>,
    /// The line of the rule, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_line: Option<u32>,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Asks the decision that the kernel runs about an address, or what the rules say of a name.
pub fn explain(
    scope: &Scope,
    compiled: &Compiled,
    target: &Target,
    protocol: Protocol,
) -> Explanation {
    match &target.host {
        Host::Address(address) => explain_address(
            scope,
            compiled,
            *address,
            target.port,
            protocol,
            RuleSet::EMPTY,
        ),
        Host::Name(name) => explain_name(scope, name, target.port, protocol),
    }
}

/// Asks the decision that the kernel runs. The port is in host byte order, and ignored for ICMP.
///
/// `learned` are the rules by name that count for the address now; only the daemon knows them.
pub fn explain_address(
    scope: &Scope,
    compiled: &Compiled,
    to: IpAddr,
    port: u16,
    protocol: Protocol,
    learned: RuleSet,
) -> Explanation {
    let destination = address(to).destination();
    let endpoint = Endpoint {
        address: destination,
        protocol,
        port: if protocol.has_ports() { port } else { 0 },
    };
    let tables = Learnt {
        compiled,
        rules: learned,
    };
    let verdict = decide_destination(&tables, &endpoint);
    let rule = scope.rules.iter().find(|rule| rule.number == verdict.rule);

    let reached = ip(destination);
    let mut notes = Vec::new();
    if reached != to {
        notes.push(format!("{to} means {reached}"));
    }
    if verdict.reason == Reason::NoRule && destination.is_loopback() {
        notes.push("permitted if the peer is a process of the same agent".to_owned());
    }
    let is_by_name = |rule: &Rule| matches!(rule.destination.hosts, Hosts::Name(_));
    if verdict.reason == Reason::Redirected {
        notes.push("port 53 of every address is agentguard's own resolver".to_owned());
    } else if scope.rules.iter().any(is_by_name) {
        notes.push(
            "rules by name have a say, too, once a name of theirs was resolved to it".to_owned(),
        );
    }
    Explanation {
        agent: scope.agent.name.clone(),
        operation: "connect".to_owned(),
        destination: Some(match (protocol.has_ports(), reached) {
            (false, _) => reached.to_string(),
            (true, IpAddr::V4(v4)) => format!("{v4}:{port}"),
            (true, IpAddr::V6(v6)) => format!("[{v6}]:{port}"),
        }),
        protocol: Some(protocol.name().to_owned()),
        path: None,
        access: None,
        verdict: verdict.action.into(),
        reason: verdict.reason.name().to_owned(),
        rule: rule.map(|rule| scope.text(rule).to_owned()),
        rule_file: rule.map(|_| scope.file.display().to_string()),
        rule_line: rule.map(|rule| rule.line),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    }
}
