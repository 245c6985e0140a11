//! The decision as a person would make it: one rule after another, no tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use agentguard_common::{
    decision::{Action, Reason, Verdict},
    protocol::Protocol,
    rules::NO_RULE,
};

use crate::{
    questions::Question,
    scopes::{Hosts, List, Rule, Scope},
};

/// The verdicts on connecting, binding and answering.
pub(crate) fn verdicts(scope: &Scope, question: &Question) -> [Verdict; 3] {
    let to = reached(meant(question.to));
    let local = meant(question.local);
    let destination = Found {
        deny: matching(scope, List::Deny, to, question.protocol, question.to_port),
        allow: matching(scope, List::Allow, to, question.protocol, question.to_port),
        same_agent: question.same_agent && to.is_loopback(),
    };
    let listen = Found {
        deny: Vec::new(),
        allow: matching(
            scope,
            List::Listen,
            local,
            question.protocol,
            question.local_port,
        ),
        same_agent: false,
    };
    let connect = destination.verdict(scope.observe);
    let bind = if question.local_port == 0 {
        verdict(Action::Permit, Reason::AnyPort, None)
    } else {
        listen.verdict(scope.observe)
    };
    // An answer needs the peer in `allow` or the local end in `listen`; `deny` is for the peer.
    let ranks = |found: &Verdict| match (found.action, found.rule) {
        (Action::Permit, _) => 0,
        (_, NO_RULE) => 2,
        _ => 1,
    };
    let denied = !destination.deny.is_empty() && connect.action != Action::Permit;
    let denied = denied && connect.reason == Reason::Rule && destination.decided_by_deny();
    let answer = if denied || question.local_port == 0 || ranks(&connect) <= ranks(&bind) {
        connect
    } else {
        bind
    };
    [connect, bind, answer]
}

/// Rules that match, by number, and whether they are enforced.
struct Found {
    deny: Vec<(u16, bool)>,
    allow: Vec<(u16, bool)>,
    same_agent: bool,
}

impl Found {
    /// Whether a deny rule has the last word: an enforced one, or an observed one where something
    /// else permits.
    fn decided_by_deny(&self) -> bool {
        self.deny.iter().any(|(_, enforced)| *enforced) || !self.allow.is_empty()
    }

    fn verdict(&self, observing: bool) -> Verdict {
        let first = |rules: &[(u16, bool)], wanted: bool| {
            rules
                .iter()
                .find(|(_, enforced)| *enforced == wanted)
                .map(|(number, _)| *number)
        };
        let refusal = if observing {
            Action::Observe
        } else {
            Action::Refuse
        };
        if let Some(rule) = first(&self.deny, true) {
            return verdict(refusal, Reason::Rule, Some(rule));
        }
        if self.allow.is_empty() {
            return if self.same_agent {
                verdict(Action::Permit, Reason::SameAgent, None)
            } else {
                verdict(refusal, Reason::NoRule, None)
            };
        }
        if let Some(rule) = first(&self.deny, false) {
            return verdict(Action::Observe, Reason::Rule, Some(rule));
        }
        if let Some(rule) = first(&self.allow, true) {
            return verdict(Action::Permit, Reason::Rule, Some(rule));
        }
        // Only an observed rule permits. It records that nothing else would have.
        if self.same_agent {
            return verdict(Action::Permit, Reason::SameAgent, None);
        }
        verdict(Action::Observe, Reason::Rule, first(&self.allow, false))
    }
}

fn verdict(action: Action, reason: Reason, rule: Option<u16>) -> Verdict {
    Verdict {
        action,
        reason,
        rule: rule.unwrap_or(NO_RULE),
    }
}

fn matching(
    scope: &Scope,
    list: List,
    address: IpAddr,
    protocol: Protocol,
    port: u16,
) -> Vec<(u16, bool)> {
    (0..)
        .zip(&scope.rules)
        .filter(|(_, rule)| rule.list == list)
        .filter(|(_, rule)| holds(rule, address) && speaks(rule, protocol, port))
        .map(|(number, rule)| (number, !rule.observe))
        .collect()
}

fn holds(rule: &Rule, address: IpAddr) -> bool {
    match (rule.hosts, address) {
        (Hosts::Everywhere, _) | (Hosts::Every4, IpAddr::V4(_)) => true,
        (Hosts::V4(network, length), IpAddr::V4(address)) => (0..u32::from(length)).all(|bit| {
            let bit = 1 << (31 - bit);
            network.to_bits() & bit == address.to_bits() & bit
        }),
        (Hosts::V6(network, length), IpAddr::V6(address)) => (0..u32::from(length)).all(|bit| {
            let bit = 1 << (127 - bit);
            network.to_bits() & bit == address.to_bits() & bit
        }),
        _ => false,
    }
}

fn speaks(rule: &Rule, protocol: Protocol, port: u16) -> bool {
    let scheme = match (rule.scheme, rule.list) {
        (Some(scheme), _) => scheme,
        (None, List::Deny) => "any",
        (None, _) => "tcp",
    };
    let by_name = match protocol {
        Protocol::Tcp => scheme == "tcp" || scheme == "any",
        Protocol::Udp => scheme == "udp" || scheme == "any",
        Protocol::Icmp => scheme == "icmp" || (scheme == "any" && rule.ports.is_none()),
    };
    by_name
        && rule
            .ports
            .is_none_or(|(first, last)| (first..=last).contains(&port))
}

/// The address that an address means.
pub(crate) fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

/// Where a connection to an address arrives.
fn reached(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        _ => address,
    }
}

/// How often each kind of verdict was expected, for each operation.
#[derive(Debug, Default)]
pub(crate) struct Seen([std::collections::BTreeMap<String, usize>; 3]);

impl Seen {
    /// Counts the verdicts on one question.
    pub(crate) fn add(&mut self, verdicts: &[Verdict; 3]) {
        for (seen, verdict) in self.0.iter_mut().zip(verdicts) {
            let kind = format!("{:?} {}", verdict.action, verdict.reason.name());
            *seen.entry(kind).or_default() += 1;
        }
    }

    /// Every kind of verdict that an operation can have was expected many times.
    pub(crate) fn assert_varied(&self) {
        let common = [
            "Permit rule",
            "Observe rule",
            "Refuse no-rule",
            "Observe no-rule",
        ];
        let kinds: [&[&str]; 3] = [
            &["Refuse rule", "Permit same-agent"],
            &["Permit any-port"],
            &["Refuse rule", "Permit same-agent"],
        ];
        for (seen, more) in self.0.iter().zip(kinds) {
            for kind in common.iter().chain(more) {
                let count = seen.get(*kind).copied().unwrap_or_default();
                assert!(count >= 500, "{kind}: {count}; {self:#?}");
            }
        }
    }
}
