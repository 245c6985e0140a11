//! What is expected of names: texts are compared, and every port that could matter is gone through.

use agentguard_common::{
    rules::{NO_RULE, RuleSet},
    verdict::{Action, Reason, Verdict},
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::super::Judgement;

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(super) struct Rule {
    pub(super) is_deny: bool,
    is_observed: bool,
    is_wildcard: bool,
    /// Without `*.`.
    pub(super) name: String,
    scheme: Option<&'static str>,
    ports: Option<(u16, u16)>,
    is_private: bool,
    has_txt: bool,
}

impl Rule {
    pub(super) fn text(&self) -> String {
        let scheme = self
            .scheme
            .map_or_else(String::new, |scheme| format!("{scheme}://"));
        let star = if self.is_wildcard { "*." } else { "" };
        let ports = self
            .ports
            .filter(|_| self.scheme != Some("icmp"))
            .map_or_else(String::new, |(first, last)| format!(":{first}-{last}"));
        let mode = if self.is_observed {
            "observe"
        } else {
            "enforce"
        };
        let keys = if self.is_deny {
            String::new()
        } else {
            let types = if self.has_txt { "\"MX\", \"TXT\"" } else { "" };
            format!(", private = {}, types = [{types}]", self.is_private)
        };
        let name = &self.name;
        format!("{{ to = \"{scheme}{star}{name}{ports}\", mode = \"{mode}\"{keys} }}")
    }

    fn matches(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
        let is_name = name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        });
        let is_it = if self.is_wildcard {
            name.ends_with(&format!(".{}", self.name))
        } else {
            name == self.name
        };
        is_name && is_it
    }

    fn holds(&self, protocol: &str, port: u16) -> bool {
        let scheme = match self.scheme {
            Some(scheme) => scheme,
            None if self.is_deny => "any",
            None => "tcp",
        };
        let ports = self.ports.filter(|_| scheme != "icmp");
        let speaks = match scheme {
            "any" => protocol != "icmp" || ports.is_none(),
            scheme => scheme == protocol,
        };
        speaks
            && (protocol == "icmp"
                || ports.is_none_or(|(first, last)| (first..=last).contains(&port)))
    }
}

pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let label = || select(vec!["a", "b", "x-1", "_c"]);
    let name = vec(label(), 1..4).prop_map(|labels| format!("{}.test", labels.join(".")));
    let scheme = select(vec![
        None,
        None,
        None,
        Some("tcp"),
        Some("udp"),
        Some("any"),
    ]);
    let ports = select(vec![
        None,
        None,
        Some((443, 443)),
        Some((1, 443)),
        Some((444, 65535)),
        Some((80, 1000)),
    ]);
    let keys = (
        any::<bool>(),
        prop::bool::weighted(0.2),
        any::<bool>(),
        any::<bool>(),
    );
    let icmp = prop::bool::weighted(0.1);
    (name, scheme, ports, keys, any::<bool>(), icmp).prop_map(
        |(name, scheme, ports, (is_deny, is_observed, is_wildcard, is_private), has_txt, icmp)| {
            Rule {
                is_deny,
                is_observed,
                is_wildcard,
                name,
                scheme: if icmp { Some("icmp") } else { scheme },
                ports,
                is_private,
                has_txt,
            }
        },
    )
}

pub(super) fn name() -> impl Strategy<Value = String> {
    let label = || select(vec!["a", "b", "x-1", "_c", "A", "X-1", "q"]);
    let end = select(vec![
        "test", "test", "test", "TEST", "test.", "test..", "tes",
    ]);
    let odd = select(vec!["", "", "", "", "", "", "", ".", "é.", "a\\."]);
    (odd, vec(label(), 1..5), end)
        .prop_map(|(odd, labels, end)| format!("{odd}{}.{end}", labels.join(".")))
}

/// What follows if these rules match at one port.
fn decide(rules: &[(u16, &Rule)], is_observing: bool) -> Verdict {
    let verdict = |action, reason, rule| Verdict {
        action,
        reason,
        rule,
    };
    let first = |is_deny, is_observed: Option<bool>| {
        let matches = |rule: &Rule| {
            rule.is_deny == is_deny && is_observed.is_none_or(|it| it == rule.is_observed)
        };
        let found = rules.iter().find(|(_, rule)| matches(rule));
        found.map(|(number, _)| *number)
    };
    let refusal = if is_observing {
        Action::Observe
    } else {
        Action::Refuse
    };
    if let Some(rule) = first(true, Some(false)) {
        return verdict(refusal, Reason::Rule, rule);
    }
    let Some(allow) = first(false, None) else {
        return verdict(refusal, Reason::NoRule, NO_RULE);
    };
    if let Some(rule) = first(true, Some(true)) {
        return verdict(Action::Observe, Reason::Rule, rule);
    }
    match first(false, Some(false)) {
        Some(rule) => verdict(Action::Permit, Reason::Rule, rule),
        None => verdict(Action::Observe, Reason::Rule, allow),
    }
}

/// The best that follows at any port; where something permits it, at those ports.
fn best(rules: &[(u16, &Rule)], is_observing: bool) -> Verdict {
    let is_allow = |(_, rule): &&(u16, &Rule)| !rule.is_deny;
    let has_allow = rules.iter().any(|rule| is_allow(&rule));
    let mut found = Vec::new();
    for protocol in ["tcp", "udp", "icmp"] {
        for port in [1, 2, 79, 80, 443, 444, 1000, 1001, 65535] {
            let there: Vec<_> = rules
                .iter()
                .copied()
                .filter(|(_, rule)| rule.holds(protocol, port))
                .collect();
            if !has_allow || there.iter().any(|rule| is_allow(&rule)) {
                found.push(decide(&there, is_observing));
            }
        }
    }
    let rank = |verdict: &Verdict| match verdict.action {
        Action::Permit => 0,
        Action::Observe => 1,
        Action::Refuse => 2,
    };
    let is_rule = |verdict: &Verdict| verdict.rule != NO_RULE;
    found.sort_by_key(|verdict| (rank(verdict), is_rule(verdict), verdict.rule));
    found[0]
}

pub(super) fn judge(rules: &[Rule], is_observing: bool, name: &str, record_type: u16) -> Judgement {
    let matching: Vec<_> = (0_u16..)
        .zip(rules)
        .filter(|(_, rule)| rule.matches(name))
        .collect();
    let only = |keep: &dyn Fn(&Rule) -> bool| -> Vec<_> {
        let kept = matching
            .iter()
            .filter(|(_, rule)| rule.is_deny || keep(rule));
        kept.copied().collect()
    };
    let set = |rules: &[(u16, &Rule)]| {
        let mut set = RuleSet::EMPTY;
        for (number, _) in rules {
            set.insert(*number);
        }
        set
    };
    let mut verdict = best(&matching, is_observing);
    let is_allowed = matching.iter().any(|(_, rule)| !rule.is_deny);
    if is_allowed && verdict.action != Action::Refuse && ![1, 28, 64, 65].contains(&record_type) {
        let asked = only(&|rule| rule.has_txt && [15, 16].contains(&record_type));
        verdict = if asked.iter().any(|(_, rule)| !rule.is_deny) {
            best(&asked, is_observing)
        } else {
            Verdict {
                action: if is_observing {
                    Action::Observe
                } else {
                    Action::Refuse
                },
                reason: Reason::Question,
                rule: NO_RULE,
            }
        };
    }
    let private = only(&|rule| rule.is_private);
    Judgement {
        verdict,
        rules: set(&matching),
        private: best(&private, is_observing).action,
        private_rules: set(&private),
    }
}
