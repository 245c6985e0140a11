//! Rules that are valid, but wider than an operator may have meant.

use std::{fmt, net::IpAddr};

use super::{
    destination::Hosts,
    error::Place,
    file_warnings::file_warnings,
    names::name_warnings,
    prefix::Prefix,
    scope::{List, Rule, Scope},
};

/// A warning about a rule, or about a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where the rule stands; nothing if it is about the scope as a whole.
    pub place: Option<Place>,
    /// What it does that may not be meant. One line.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Prefixes shorter than these hold more networks than one organisation has.
const WIDE_IPV4: u8 = 8;
const WIDE_IPV6: u8 = 16;

/// Addresses at which clouds serve credentials to whoever asks.
const METADATA: [&str; 4] = [
    "169.254.169.254",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
];

/// Warns of rules that permit much. An observed rule permits as much as an enforced one.
pub fn warnings(scope: &Scope) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for rule in &scope.rules {
        let mut warn = |what: String| {
            warnings.push(Warning {
                place: Some(Place {
                    line: rule.line,
                    column: rule.column,
                }),
                message: format!("{:?} {what}", scope.text(rule)),
            });
        };
        match rule.list {
            List::Allow => {
                if let Hosts::Prefix(prefix) = rule.destination.hosts {
                    allowed(prefix, rule.destination.ports.is_none(), &mut warn);
                }
            }
            List::Listen => listened(rule, &mut warn),
            List::Deny => {}
        }
        name_warnings(scope, rule).into_iter().for_each(&mut warn);
    }
    warnings.extend(file_warnings(scope));
    warnings
}

fn allowed(prefix: Prefix, every_port: bool, warn: &mut impl FnMut(String)) {
    let (family, wide) = match prefix.network() {
        IpAddr::V4(_) => ("IPv4", WIDE_IPV4),
        IpAddr::V6(_) => ("IPv6", WIDE_IPV6),
    };
    let ports = if every_port { " on every port" } else { "" };
    if prefix.length() == 0 {
        warn(format!(
            "permits every {family} address{ports} that no deny rule names, loopback, private \
             networks and metadata services included"
        ));
        return;
    }
    let within = |network: &str, length| {
        network.parse().is_ok_and(|network| {
            Prefix::new(network, length).is_ok_and(|block: Prefix| block.overlaps(prefix))
        })
    };
    let global = prefix.network().is_ipv4() || within("2000::", 3);
    if global && prefix.length() < wide {
        warn(format!(
            "permits a large part of all {family} addresses{ports}"
        ));
    }
    if within("127.0.0.0", 8) || within("::1", 128) {
        if every_port {
            warn("permits every local service of this host".to_owned());
        } else if !prefix.is_host() {
            warn("permits every loopback address".to_owned());
        }
    }
    if let Some(metadata) = METADATA.into_iter().find(|address| {
        address
            .parse()
            .is_ok_and(|address| prefix.contains(Prefix::host(address)))
    }) {
        warn(format!(
            "permits {metadata}, where cloud providers serve credentials to every process of a host"
        ));
    } else if within("169.254.0.0", 16) || within("fe80::", 10) {
        warn("permits link-local addresses, where hosts without authentication live".to_owned());
    }
}

fn listened(rule: &Rule, warn: &mut impl FnMut(String)) {
    let everywhere = match rule.destination.hosts {
        Hosts::Everywhere => true,
        Hosts::Prefix(prefix) => prefix.length() == 0,
        Hosts::Name(_) => false,
    };
    if everywhere && rule.destination.ports.is_none() {
        warn("permits listening on every port of every address".to_owned());
    }
}
