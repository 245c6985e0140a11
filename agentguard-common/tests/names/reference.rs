//! A scope of one address and one port, and what should be decided of them.

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint, Reason, Tables, Verdict},
    protocol::{Protocol, port_key},
    rules::{NO_RULE, RuleSet},
    scope::{
        ALLOW_ROW, DENY_ROW, FLAG_NAMES, FLAG_OBSERVE, FLAG_OBSERVED_RULES, HEADER_ROWS, HTTPS_ROW,
        Header, OBSERVE_ROW, Row, TLS_ROW,
    },
};

/// Rules of a scope: enough for every combination of two.
pub(crate) const RULES: u16 = 6;
const HERE: Address = Address::from_v4(0xc000_0201);

/// What a rule says. All rules speak of the one address or of names, and of the one port.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
pub(crate) struct Rule {
    pub(crate) deny: bool,
    pub(crate) observed: bool,
    /// By address; else by name.
    pub(crate) by_address: bool,
    /// The name was resolved to the address.
    pub(crate) learned: bool,
    /// TLS was told the name.
    pub(crate) told: bool,
    pub(crate) https: bool,
    pub(crate) tls: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) rules: Vec<Rule>,
    pub(crate) has_names: bool,
    pub(crate) observe: bool,
    pub(crate) is_broken: bool,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
}

pub(crate) struct Scope {
    rows: Vec<Row>,
    learned: Option<RuleSet>,
}

impl Tables for Scope {
    fn row(&self, index: u32) -> Option<&Row> {
        const BEYOND: Row = Row {
            key: Address::MIN,
            rules: RuleSet::EMPTY,
        };
        Some(self.rows.get(index as usize).unwrap_or(&BEYOND))
    }

    fn same_agent(&self, _: &Endpoint) -> bool {
        false
    }

    fn learned(&self, address: &Address) -> Option<RuleSet> {
        assert_eq!(*address, HERE);
        self.learned
    }
}

impl Case {
    pub(crate) fn set(&self, holds: impl Fn(&Rule) -> bool) -> RuleSet {
        let mut set = RuleSet::EMPTY;
        for (number, rule) in (0..).zip(&self.rules) {
            if holds(rule) {
                set.insert(number);
            }
        }
        set
    }

    pub(crate) fn scope(&self) -> Scope {
        let mut flags = FLAG_OBSERVED_RULES;
        if self.has_names {
            flags |= FLAG_NAMES;
        }
        if self.observe {
            flags |= FLAG_OBSERVE;
        }
        let header = Header {
            version: 1,
            addresses: 1,
            ports: 2,
            flags,
            ..Header::default()
        };
        let mut rows = vec![Row::default(); HEADER_ROWS as usize];
        rows[DENY_ROW as usize] = Row {
            key: header.pack(),
            rules: self.set(|it| it.deny),
        };
        rows[ALLOW_ROW as usize].rules = self.set(|it| !it.deny);
        rows[OBSERVE_ROW as usize].rules = self.set(|it| it.observed);
        rows[HTTPS_ROW as usize].rules = self.set(|it| it.https);
        rows[TLS_ROW as usize].rules = self.set(|it| it.tls);
        rows.push(Row {
            key: Address::MIN,
            rules: self.set(|it| it.by_address),
        });
        rows.push(Row::default());
        rows.push(Row {
            key: Address {
                hi: 0,
                lo: port_key(self.protocol, self.port),
            },
            rules: self.set(|_| true),
        });
        Scope {
            rows,
            learned: (!self.is_broken).then(|| self.set(|it| !it.by_address && it.learned)),
        }
    }

    pub(crate) fn to(&self) -> Endpoint {
        Endpoint {
            address: HERE,
            protocol: self.protocol,
            port: self.port,
        }
    }

    fn matches(&self, rule: &Rule) -> bool {
        rule.by_address || self.has_names && rule.learned
    }

    pub(crate) fn refuse(&self, reason: Reason, rule: u16) -> Verdict {
        Verdict {
            action: if self.observe {
                Action::Observe
            } else {
                Action::Refuse
            },
            reason,
            rule,
        }
    }

    /// The lowest rule for which something holds.
    fn lowest(&self, holds: impl Fn(&Rule) -> bool) -> Option<u16> {
        (0..)
            .zip(&self.rules)
            .find(|(_, rule)| holds(rule))
            .map(|(number, _)| number)
    }

    /// Deny before allow, enforced before observed. `counts` are the rules that match.
    fn verdict(&self, counts: impl Fn(&Rule) -> bool, none: Reason) -> Verdict {
        let lowest = |deny, observed| {
            self.lowest(|it| counts(it) && it.deny == deny && it.observed == observed)
        };
        let observe = |rule| Verdict {
            action: Action::Observe,
            reason: Reason::Rule,
            rule,
        };
        let any_deny = self.lowest(|it| counts(it) && it.deny);
        let any_allow = self.lowest(|it| counts(it) && !it.deny);
        match (lowest(true, false), any_allow) {
            (Some(rule), _) => self.refuse(Reason::Rule, rule),
            (None, None) => self.refuse(none, NO_RULE),
            (None, Some(allowed)) => match (any_deny, lowest(false, false)) {
                (Some(rule), _) => observe(rule),
                (None, Some(rule)) => Verdict {
                    action: Action::Permit,
                    reason: Reason::Rule,
                    rule,
                },
                (None, None) => observe(allowed),
            },
        }
    }

    pub(crate) fn destination(&self) -> Verdict {
        if self.has_names && self.is_broken {
            return Verdict::ERROR;
        }
        if self.has_names && self.port == 53 && self.protocol != Protocol::Icmp {
            let deny =
                |observed| self.lowest(|it| self.matches(it) && it.deny && it.observed == observed);
            return match (deny(false), deny(true)) {
                (Some(rule), _) => self.refuse(Reason::Rule, rule),
                (None, Some(rule)) => Verdict {
                    action: Action::Observe,
                    reason: Reason::Rule,
                    rule,
                },
                (None, None) => Verdict {
                    action: Action::Permit,
                    reason: Reason::Redirected,
                    rule: NO_RULE,
                },
            };
        }
        let is_known = self.protocol == Protocol::Udp
            && self.has_names
            && self.rules.iter().any(|it| !it.by_address && it.learned);
        let none = if is_known {
            Reason::NoRuleHere
        } else {
            Reason::NoRule
        };
        let verdict = self.verdict(|it| self.matches(it), none);
        if verdict.action != Action::Permit {
            return verdict;
        }
        let permits: Vec<_> = self
            .rules
            .iter()
            .filter(|it| self.matches(it) && !it.deny && !it.observed)
            .collect();
        let is_checked = |rule: &Rule| {
            self.protocol == Protocol::Tcp && (rule.tls || self.port == 443 && rule.https)
        };
        let reason = if permits.iter().any(|it| it.by_address) {
            Reason::Rule
        } else if permits.iter().all(|it| is_checked(it)) {
            Reason::NameByTls
        } else {
            Reason::Name
        };
        Verdict { reason, ..verdict }
    }

    pub(crate) fn server_name(&self) -> Verdict {
        if self.has_names && self.is_broken {
            return Verdict::ERROR;
        }
        let verdict = self.verdict(|it| self.matches(it) && it.told, Reason::ServerName);
        if verdict.action == Action::Permit {
            return Verdict {
                reason: Reason::Name,
                ..verdict
            };
        }
        verdict
    }
}
