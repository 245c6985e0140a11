//! The decision as a person would make it: one rule after another, no tables.

use std::collections::BTreeMap;

use agentguard_common::{
    path::Access,
    rules::NO_RULE,
    verdict::{Action, Reason, Verdict},
};

use crate::scopes::{Case, Rule};

/// The verdict on an access to a path.
pub(crate) fn verdict(case: &Case, path: &[String], access: Access) -> Verdict {
    let mut rules: Vec<&Rule> = case.rules.iter().collect();
    rules.sort_by_key(|rule| rule.number);
    rules.retain(|rule| {
        let components: Vec<_> = rule
            .pattern
            .split('/')
            .filter(|text| !text.is_empty())
            .collect();
        path_matches(&components, path)
    });
    let first = |is_deny: bool, is_observed: bool| {
        rules
            .iter()
            .find(|rule| {
                rule.observe == is_observed
                    && rule.allow.is_empty() == is_deny
                    && (is_deny || rule.allow.contains(&access))
            })
            .map(|rule| rule.number)
    };
    let refusal = if case.observe {
        Action::Observe
    } else {
        Action::Refuse
    };
    let (action, rule) = match (
        first(true, false),
        first(true, true),
        first(false, false),
        first(false, true),
    ) {
        (Some(deny), ..) => (refusal, Some(deny)),
        // Nothing permits it: an observed refusal changes nothing.
        (None, _, None, None) => (refusal, None),
        (None, Some(deny), ..) => (Action::Observe, Some(deny)),
        (None, None, Some(allow), _) => (Action::Permit, Some(allow)),
        (None, None, None, Some(allow)) => (Action::Observe, Some(allow)),
    };
    Verdict {
        action,
        reason: if rule.is_some() {
            Reason::Rule
        } else {
            Reason::NoRule
        },
        rule: rule.unwrap_or(NO_RULE),
    }
}

fn path_matches(components: &[&str], names: &[String]) -> bool {
    match components {
        [] => names.is_empty(),
        ["**", rest @ ..] => (0..=names.len()).any(|skipped| path_matches(rest, &names[skipped..])),
        [component, rest @ ..] => names.split_first().is_some_and(|(name, names)| {
            name_matches(component.as_bytes(), name.as_bytes()) && path_matches(rest, names)
        }),
    }
}

fn name_matches(glob: &[u8], name: &[u8]) -> bool {
    match glob {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|skipped| name_matches(rest, &name[skipped..])),
        [byte, rest @ ..] => name.first() == Some(byte) && name_matches(rest, &name[1..]),
    }
}

/// How often each kind of verdict was expected.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, usize>);

impl Seen {
    /// Counts a verdict.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        let kind = format!("{:?} {}", verdict.action, verdict.reason.name());
        *self.0.entry(kind).or_default() += 1;
    }

    /// Every kind of verdict was expected many times.
    pub(crate) fn assert_varied(&self) {
        for kind in [
            "Permit rule",
            "Observe rule",
            "Refuse rule",
            "Refuse no-rule",
            "Observe no-rule",
        ] {
            let count = self.0.get(kind).copied().unwrap_or_default();
            assert!(count >= 2000, "{kind}: {count}; {self:#?}");
        }
    }
}
