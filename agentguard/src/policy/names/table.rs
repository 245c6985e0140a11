//! Which names an agent may resolve, and for which rules.

use std::collections::HashMap;

use agentguard_common::{
    lists::Lists,
    protocol::Protocol,
    rules::{NO_RULE, RuleSet},
    scope::FLAG_OBSERVE,
    verdict::{Action, Reason, Verdict},
};

use super::{
    super::{
        compile::port_sets,
        destination::Hosts,
        scope::{List, Mode, Rule, Scope},
    },
    record_type::RecordTypes,
    tree::Tree,
};

/// The rules by name of a scope.
///
/// Whether a name may be resolved follows from the same decision that the kernel makes: it may be if
/// there is a port of a protocol at which an address of it would be permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    tree: Tree,
    lists: Lists,
    /// Rules that accept addresses of the own network.
    private: RuleSet,
    /// Record type → rules that permit to ask for it.
    types: HashMap<u16, RuleSet>,
    /// The different sets of rules by name that match at one port of one protocol.
    ports: Vec<RuleSet>,
    all: RuleSet,
}

/// The rules that match a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameMatch {
    /// Those that permit it.
    pub allow: RuleSet,
    /// Those that refuse it.
    pub deny: RuleSet,
    /// Those of `allow` that accept addresses of the own network.
    pub private: RuleSet,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it may be asked. If it is refused nothing else matters.
    pub verdict: Verdict,
    /// What an address of the answer is learned with: every rule that matches the name, those that
    /// refuse included, since they may be about other ports than those that permit.
    pub rules: RuleSet,
    /// What becomes of an address of the own network in the answer.
    pub private: Action,
    /// What such an address is learned with.
    pub private_rules: RuleSet,
}

impl Names {
    /// The rules by name of a scope.
    pub fn new(scope: &Scope) -> Self {
        let mut names = Self::default();
        if scope.agent.mode == Mode::Observe {
            names.lists.flags |= FLAG_OBSERVE;
        }
        for rule in &scope.rules {
            if let Hosts::Name(name) = &rule.destination.hosts {
                names.tree.insert(name, rule.number);
                names.add(rule);
            }
        }
        if !names.is_empty() {
            names.ports = port_sets(&scope.rules, names.all);
        }
        names
    }

    fn add(&mut self, rule: &Rule) {
        let number = rule.number;
        self.all.insert(number);
        match rule.list {
            List::Deny => self.lists.deny.insert(number),
            List::Allow => self.lists.allow.insert(number),
            List::Listen => {}
        }
        if rule.mode == Mode::Observe {
            self.lists.observe.insert(number);
        }
        if rule.keys.private {
            self.private.insert(number);
        }
        for record_type in rule.keys.types.numbers() {
            self.types.entry(record_type).or_default().insert(number);
        }
    }

    /// Whether the scope has no rule by name. Then its agent resolves names as it likes.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The rules that match a name, in whatever case, with or without a dot at the end.
    pub fn matching(&self, name: &str) -> NameMatch {
        let matched = self.tree.find(name);
        let allow = matched & self.lists.allow;
        NameMatch {
            allow,
            deny: matched & self.lists.deny,
            private: allow & self.private,
        }
    }

    /// What becomes of a question for the records of one type (its number) of a name. Agents in observe
    /// mode may ask everything, and the verdict says that it would have been refused.
    pub fn judge(&self, name: &str, record_type: u16) -> Judgement {
        let matched = self.tree.find(name);
        let private_rules = matched & (self.private | self.lists.deny);
        Judgement {
            verdict: self.question(matched, record_type),
            rules: matched,
            private: self.somewhere(private_rules).action,
            private_rules,
        }
    }

    /// What the kernel decides of an address of a name at a port. The port is in host byte order.
    pub fn decide(&self, scope: &Scope, name: &str, protocol: Protocol, port: u16) -> Verdict {
        let matched = self.tree.find(name);
        let mut there = RuleSet::EMPTY;
        for rule in &scope.rules {
            if rule.destination.holds(protocol, port) {
                there.insert(rule.number);
            }
        }
        self.lists.decide(matched & there)
    }

    fn question(&self, matched: RuleSet, record_type: u16) -> Verdict {
        let verdict = self.somewhere(matched);
        let is_decided = (matched & self.lists.allow).is_empty()
            || verdict.action == Action::Refuse
            || RecordTypes::is_always_asked(record_type);
        if is_decided {
            return verdict;
        }
        let asked = self.types.get(&record_type).copied().unwrap_or_default();
        if (matched & self.lists.allow & asked).is_empty() {
            return Verdict::refusal(Reason::Question, self.lists.flags);
        }
        self.somewhere(matched & (asked | self.lists.deny))
    }

    /// The best that follows at any port of any protocol if these rules match the name.
    fn somewhere(&self, matched: RuleSet) -> Verdict {
        let Self { lists, ports, .. } = self;
        if (matched & lists.deny).is_empty() {
            return lists.decide(matched);
        }
        let allowed = matched & lists.allow;
        ports
            .iter()
            .filter(|there| allowed.is_empty() || !(**there & allowed).is_empty())
            .map(|there| lists.decide(matched & *there))
            // That nothing permits it says more than what refuses some of it.
            .min_by_key(|verdict| {
                let is_of_rule = verdict.rule != NO_RULE;
                (verdict.action as u8, is_of_rule, verdict.rule)
            })
            .unwrap_or(Verdict::ERROR)
    }
}
