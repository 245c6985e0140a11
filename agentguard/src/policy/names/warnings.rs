//! Rules by name that are valid, but wider than an operator may have meant, or without effect.

use agentguard_common::names::DOMAIN;

use super::{
    super::{
        destination::Hosts,
        scope::{List, Rule, Scope},
    },
    keys::TlsCheck,
    name::Name,
    suffix::is_of_customers,
};

/// Domains in which customers of a company have names beneath more than one suffix.
const OF_CUSTOMERS: &[&str] = &[
    "amazonaws.com",
    "aliyuncs.com",
    "azure.com",
    "digitaloceanspaces.com",
    "googleapis.com",
    "oraclecloud.com",
    "windows.net",
];
/// Warns of a rule by name, and of what such rules make of rules by address. Every text follows the
/// rule's own.
pub(in crate::policy) fn name_warnings(scope: &Scope, rule: &Rule) -> Vec<String> {
    let by_name = |rule: &&Rule| matches!(rule.destination.hosts, Hosts::Name(_));
    if !scope.rules.iter().any(|rule| by_name(&rule)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let permits_dns = rule.list == List::Allow
        && rule
            .destination
            .ports
            .is_some_and(|ports| ports.first == DOMAIN && ports.last == DOMAIN);
    if permits_dns {
        found.push(
            "has no effect: in a scope with rules by name port 53 of every address is agentguard's own \
             resolver"
                .to_owned(),
        );
    }
    if let Hosts::Name(name) = &rule.destination.hosts {
        match rule.list {
            List::Allow => allowed(rule, name, &mut found),
            List::Deny => denied(scope, &mut found),
            List::Listen => {}
        }
    }
    found
}

fn allowed(rule: &Rule, name: &Name, found: &mut Vec<String>) {
    let every_port = rule.destination.ports.is_none();
    let is_shared = OF_CUSTOMERS
        .iter()
        .any(|domain| name.text() == *domain && name.is_wildcard());
    if is_shared || is_of_customers(name) {
        found.push(
            "permits what belongs to strangers: anybody can rent a place there; name the one that is meant"
                .to_owned(),
        );
    }
    if name.is_wildcard() && every_port {
        found.push(format!(
            "permits every port of every name beneath {}",
            name.text()
        ));
    }
    if !name.is_wildcard() && !name.text().contains('.') {
        found.push(
            "is a name of one label, which programs complete by their search list; write the whole name"
                .to_owned(),
        );
    }
    if rule.keys.tls == TlsCheck::Never {
        found.push(
            "does not check the server name of TLS connections: whoever shares an address with the name \
             is reached, too"
                .to_owned(),
        );
    }
    if name.is_wildcard() && !rule.keys.types.is_empty() {
        found.push(format!(
            "permits records of every name beneath {}, by which data can be sent and received",
            name.text()
        ));
    }
}

fn denied(scope: &Scope, found: &mut Vec<String>) {
    let by_address = scope.rules.iter().find(|rule| {
        rule.list == List::Allow && matches!(rule.destination.hosts, Hosts::Prefix(_))
    });
    if let Some(allow) = by_address {
        found.push(format!(
            "refuses to resolve the name, and cannot keep its addresses from being reached by {:?}; deny the addresses, too",
            scope.text(allow)
        ));
    }
    let allows_names = scope
        .rules
        .iter()
        .any(|rule| rule.list == List::Allow && matches!(rule.destination.hosts, Hosts::Name(_)));
    if !allows_names {
        found.push(
            "is by name in a scope that allows no name, so no name at all is resolved".to_owned(),
        );
    }
}
